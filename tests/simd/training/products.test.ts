import { describe, expect, it } from 'vitest';
import * as calls from '../../../src/simd/calls/products';
import { noise } from '../../plan/kernel-cases';
import { published, relativeError, runCalls, stored } from './kernels';

/** Products with vectors, sums, single numbers and max pooling against float64. */

const up4 = (count: number) => Math.ceil(count / 4) * 4;

describe('maps and vectors', () => {
  it.each([
    [2, 5, 7, 20],
    [3, 1, 1, 64],
    [1, 9, 9, 5],
  ])('%d images of %d x %d x %d', async (images, height, width, channels) => {
    const pixels = height * width;
    const x = noise(images * pixels * channels, 1);
    const y = noise(x.length, 2);
    const m = noise(images * pixels, 3);
    const v = noise(images * channels, 4);
    const expected = {
      product: new Float64Array(x.length),
      outer: new Float64Array(x.length),
      channelDot: new Float64Array(m.length),
      pixelDot: new Float64Array(v.length),
      weighted: new Float64Array(v.length),
      total: 0,
    };
    for (const [i, value] of x.entries()) {
      const pixel = Math.floor(i / channels);
      const own = Math.floor(pixel / pixels) * channels + (i % channels);
      expected.product[i] = value * (v[own]! + 1);
      expected.outer[i] = m[pixel]! * v[own]!;
      expected.channelDot[pixel]! += value * v[own]!;
      expected.pixelDot[own]! += value * y[i]!;
      expected.weighted[own]! += value * m[pixel]!;
      expected.total += value / 2;
    }
    const { placed, read } = await runCalls((layout, list) => {
      const map = (values?: Float32Array, own = channels) =>
        layout.map(images, height, width, up4(own), values && stored(values, own));
      const vector = () => ({ at: layout.room(images * up4(channels)), stride: 4 * up4(channels) });
      const [source, other, single] = [map(x), map(y), map(m, 1)];
      const weights = { at: layout.put(stored(v, channels)), stride: 4 * up4(channels) };
      const out = {
        product: map(),
        outer: map(),
        channelDot: map(undefined, 1),
        pixelDot: vector(),
        weighted: vector(),
        total: layout.room(4),
        filled: map(),
      };
      calls.product(list, { x: source, channels, v: weights, offset: 1, out: out.product });
      calls.product(list, { x: single, channels: 1, v: weights, out: out.outer });
      calls.channelDot(list, { x: source, v: weights, out: out.channelDot });
      calls.pixelDot(list, { a: source, b: other, channels, out: out.pixelDot });
      calls.pixelDot(list, { a: source, b: single, channels: 1, out: out.weighted });
      calls.total(list, { x: source, channels, scale: 0.5, out: out.total });
      calls.broadcast(list, { source: out.total, channels, out: out.filled });
      return out;
    });
    const values = (at: number, rows: number, own = channels) => published(read(at, rows * up4(own)), own);
    expect(relativeError(values(placed.product.at, images * pixels), expected.product)).toBeLessThan(1e-6);
    expect(relativeError(values(placed.outer.at, images * pixels), expected.outer)).toBeLessThan(1e-6);
    expect(relativeError(values(placed.channelDot.at, images * pixels, 1), expected.channelDot)).toBeLessThan(
      1e-6,
    );
    expect(relativeError(values(placed.pixelDot.at, images), expected.pixelDot)).toBeLessThan(1e-6);
    expect(relativeError(values(placed.weighted.at, images), expected.weighted)).toBeLessThan(1e-6);
    const total = read(placed.total, 4);
    expect(relativeError(total, [expected.total, 0, 0, 0])).toBeLessThan(1e-5);
    const filled = values(placed.filled.at, images * pixels);
    expect(filled.every((value) => value === total[0])).toBe(true);
  });
});

describe('shifts and cuts', () => {
  /** [shiftY, shiftX, top, bottom, left, right] of each image: to all sides, farther than there are pixels, cuts over edges. */
  const PLACES = [
    [1, -2, 1, 3, -1, 2],
    [-2, 0, 3, 9, 2, 9],
    [0, 7, 0, 0, 0, 0],
  ];

  it.each([3, 20])('of %d channels', async (channels) => {
    const [images, height, width] = [PLACES.length, 5, 6];
    const x = noise(images * height * width * channels, 1);
    const forward = new Float64Array(x.length);
    const back = new Float64Array(x.length);
    for (const [n, [shiftY, shiftX, top, bottom, left, right]] of PLACES.entries())
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++) {
          const [row, column] = [i + shiftY!, j + shiftX!];
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          if (i >= top! && i < bottom! && j >= left! && j < right!) continue;
          const [from, to] = [(n * height + row) * width + column, (n * height + i) * width + j];
          for (let c = 0; c < channels; c++) {
            forward[to * channels + c] = x[from * channels + c]!;
            back[from * channels + c] = x[to * channels + c]!;
          }
        }
    const { placed, read } = await runCalls((layout, list) => {
      const map = (values?: Float32Array) =>
        layout.map(images, height, width, up4(channels), values && stored(values, channels));
      const place = { at: layout.put(stored(Float32Array.from(PLACES.flat()), 6)), stride: 32 };
      const [source, out, gradient] = [map(x), map(), map()];
      calls.shiftAndCut(list, { x: source, place, transposed: false, out });
      calls.shiftAndCut(list, { x: source, place, transposed: true, out: gradient });
      return { out: out.at, gradient: gradient.at };
    });
    const values = (at: number) => published(read(at, images * height * width * up4(channels)), channels);
    expect(relativeError(values(placed.out), forward)).toBe(0);
    expect(relativeError(values(placed.gradient), back)).toBe(0);
  });
});

it.each([
  [4, false],
  [7, false],
  [24, false],
  [24, true],
])('channels of length one, %d of them, without their mean: %s', async (channels, centred) => {
  const pixels = 2 * 5 * 7;
  const eps = 1e-10;
  const x = noise(pixels * channels, 1);
  x.fill(0, 0, channels); // a pixel without a direction
  const dy = noise(x.length, 2);
  const expected = { y: new Float64Array(x.length), dx: new Float64Array(x.length) };
  for (let p = 0; p < pixels; p++) {
    const row = (of: Float32Array) => {
      const own = Float64Array.from(of.subarray(p * channels, (p + 1) * channels));
      const mean = centred ? own.reduce((sum, v) => sum + v, 0) / channels : 0;
      return own.map((v) => v - mean);
    };
    const [own, change] = [row(x), row(dy)];
    let [squares, along] = [eps, 0];
    for (const [k, v] of own.entries()) {
      squares += v ** 2;
      along += v * change[k]!;
    }
    for (const [k, v] of own.entries()) {
      expected.y[p * channels + k] = v / Math.sqrt(squares);
      expected.dx[p * channels + k] = p === 0 ? 0 : (change[k]! - (v * along) / squares) / Math.sqrt(squares);
    }
  }
  dy.fill(0, 0, channels); // whose gradient is 1e5 times larger
  const { placed, read } = await runCalls((layout, list) => {
    const map = (values?: Float32Array) =>
      layout.map(2, 5, 7, up4(channels), values && stored(values, channels));
    const [source, y, dx] = [map(x), map(), map()];
    calls.unit(list, { x: source, eps, centred, out: y });
    calls.unit(list, { x: source, eps, centred, dy: map(dy), out: dx });
    return { y: y.at, dx: dx.at };
  });
  const values = (at: number) => published(read(at, pixels * up4(channels)), channels);
  expect(relativeError(values(placed.y), expected.y)).toBeLessThan(1e-6);
  expect(relativeError(values(placed.dx), expected.dx)).toBeLessThan(2e-6);
});

describe('max pooling', () => {
  it.each([
    [2, 6, 8, 12],
    [1, 2, 2, 4],
  ])('%d images of %d x %d x %d', async (images, height, width, channels) => {
    const x = noise(images * height * width * channels, 1).map((v) => Math.round(3 * v)); // with ties
    const dy = noise(x.length / 4, 2);
    const y = new Float64Array(dy.length);
    const dx = new Float64Array(x.length);
    const v = noise(x.length, 3);
    const taken = new Float64Array(dy.length);
    for (let i = 0; i < dy.length; i++) {
      const [c, pixel] = [i % channels, Math.floor(i / channels)];
      const [ox, row] = [pixel % (width / 2), Math.floor(pixel / (width / 2))];
      const places = [0, 1, width, width + 1].map((d) => (2 * row * width + 2 * ox + d) * channels + c);
      const most = Math.max(...places.map((at) => x[at]!));
      y[i] = most;
      const first = places.find((at) => x[at] === most)!;
      dx[first] = dy[i]!;
      taken[i] = v[first]!;
    }
    const { placed, read } = await runCalls((layout, list) => {
      const source = layout.map(images, height, width, channels, x);
      const out = layout.map(images, height / 2, width / 2, channels);
      const gradient = layout.map(images, height, width, channels);
      calls.maxPool(list, { x: source, out, kernel: 2, stride: 2, pad: 0 });
      calls.maxPoolGradient(list, {
        x: source,
        dy: layout.map(images, height / 2, width / 2, channels, dy),
        out: gradient,
      });
      const taken = layout.map(images, height / 2, width / 2, channels);
      calls.maxPoolTangent(list, {
        x: source,
        v: layout.map(images, height, width, channels, v),
        out: taken,
      });
      return { y: out.at, dx: gradient.at, taken: taken.at };
    });
    expect(relativeError(read(placed.y, y.length), y)).toBe(0);
    expect(relativeError(read(placed.dx, dx.length), dx)).toBe(0);
    expect(relativeError(read(placed.taken, taken.length), taken)).toBe(0);
  });

  it.each([
    { kernel: 3, stride: 2, pad: 0 },
    { kernel: 3, stride: 1, pad: 1 },
  ])('largest of windows $kernel, stride $stride, pad $pad, of an odd map', async (window) => {
    const { kernel, stride, pad } = window;
    const [images, height, width, channels] = [2, 7, 5, 8];
    // Below zero throughout: padding must not win.
    const x = noise(images * height * width * channels, 3).map((v) => v - 100);
    const size = (pixels: number) => Math.floor((pixels + 2 * pad - kernel) / stride) + 1;
    const [h, w] = [size(height), size(width)];
    const y = Float64Array.from({ length: images * h * w * channels }, (_, i) => {
      const [c, ox] = [i % channels, Math.floor(i / channels) % w];
      const [oy, n] = [Math.floor(i / channels / w) % h, Math.floor(i / channels / w / h)];
      let most = Number.NEGATIVE_INFINITY;
      for (let dy = 0; dy < kernel; dy++)
        for (let dx = 0; dx < kernel; dx++) {
          const [sy, sx] = [oy * stride - pad + dy, ox * stride - pad + dx];
          if (sy < 0 || sx < 0 || sy >= height || sx >= width) continue;
          most = Math.max(most, x[((n * height + sy) * width + sx) * channels + c]!);
        }
      return most;
    });
    const { placed, read } = await runCalls((layout, list) => {
      const out = layout.map(images, h, w, channels);
      calls.maxPool(list, { x: layout.map(images, height, width, channels, x), out, ...window });
      return { y: out.at };
    });
    expect(relativeError(read(placed.y, y.length), y)).toBe(0);
  });
});
