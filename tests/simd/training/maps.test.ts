import { describe, expect, it } from 'vitest';
import { bilinearMatrix } from '../../../src/nn/resampling';
import * as calls from '../../../src/simd/calls/maps';
import * as record from '../../../src/simd/record';
import { noise } from '../../plan/kernel-cases';
import { relativeError, runCalls } from './kernels';

/** Element by element, sums, depthwise convolutions and resampling against float64. */

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const ACTIVATIONS: [string, number, (x: number) => number, (x: number) => number][] = [
  ['SiLU', record.SILU_ACTIVATION, (x) => x * sigmoid(x), (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x)))],
  ['ReLU', record.RELU, (x) => Math.max(x, 0), (x) => (x > 0 ? 1 : 0)],
  ['ReLU6', record.RELU6, (x) => Math.min(Math.max(x, 0), 6), (x) => (x > 0 && x < 6 ? 1 : 0)],
  ['hard tanh', record.HARDTANH, (x) => Math.min(Math.max(x, -1), 1), (x) => (Math.abs(x) < 1 ? 1 : 0)],
  ['leaky ReLU', record.LEAKY_RELU, (x) => (x > 0 ? x : 0.2 * x), (x) => (x > 0 ? 1 : 0.2)],
  ['none', record.NONE, (x) => x, () => 1],
  ['softplus', record.SOFTPLUS, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), sigmoid],
];

describe.each(ACTIVATIONS)('%s', (name, activation, f, slope) => {
  // More than a task, and a rest.
  const count = 3 * 16384 + 12;
  const x = noise(count, 1).map((v) => 9 * v);
  const dy = noise(count, 2);
  const residual = noise(count, 3);

  it('and its gradient', async () => {
    const { placed, read } = await runCalls((layout, list) => {
      const source = layout.put(x);
      const y = layout.room(count);
      calls.activate(list, { count, source, out: y, activation });
      const gradient = layout.put(dy);
      const dx = layout.room(count);
      const told = name === 'SiLU' ? source : y;
      const scaled = {
        count,
        source: told,
        dy: gradient,
        activation,
        residual: layout.put(residual),
        scale: 0.5,
      };
      calls.activationGradient(list, { ...scaled, out: dx });
      calls.activationGradient(list, { count, source: told, dy: gradient, activation, out: gradient });
      return { y, dx, inPlace: gradient };
    });
    const exact = Float64Array.from(x, slope).map((s, i) => s * dy[i]!);
    expect(relativeError(read(placed.y, count), Float64Array.from(x, f))).toBeLessThan(3e-7);
    expect(relativeError(read(placed.inPlace, count), exact)).toBeLessThan(1e-6);
    expect(
      relativeError(
        read(placed.dx, count),
        exact.map((v, i) => v / 2 + residual[i]!),
      ),
    ).toBeLessThan(1e-6);
  });

  it('at the end of a pointwise call', async () => {
    const { placed, read } = await runCalls((layout, list) => {
      const out = layout.map(2, 5, 3, 8);
      const source = layout.map(2, 5, 3, 8, x.slice(0, 240));
      calls.pointwise(list, { sources: [source], epilogue: { activation, scale: 0.5 }, out });
      return out.at;
    });
    const expected = Float64Array.from(x.subarray(0, 240), (v) => f(0.5 * v));
    expect(relativeError(read(placed, 240), expected)).toBeLessThan(3e-7);
  });
});

describe('sums and slices', () => {
  it.each([
    [3, 50, 20],
    [1, 1, 4],
    [2, 1000, 36],
  ])('rows of %d images of %d rows of %d channels', async (images, rows, channels) => {
    const x = noise(images * rows * channels, 1);
    const before = noise(images * channels, 2);
    const { placed, read } = await runCalls((layout, list) => {
      const sum = { source: layout.put(x), images, rows, channels, scale: 0.5 };
      const [plain, added] = [layout.room(images * channels), layout.put(before)];
      calls.sumRows(list, { ...sum, out: { at: plain, stride: 4 * channels } });
      calls.sumRows(list, { ...sum, out: { at: added, stride: 4 * channels }, accumulate: true });
      return { plain, added };
    });
    const expected = new Float64Array(images * channels);
    for (const [i, v] of x.entries())
      expected[Math.floor(i / rows / channels) * channels + (i % channels)]! += v / 2;
    expect(relativeError(read(placed.plain, expected.length), expected)).toBeLessThan(1e-6);
    const added = expected.map((v, i) => v + before[i]!);
    expect(relativeError(read(placed.added, expected.length), added)).toBeLessThan(1e-6);
  });

  it('some channels of a map, with a residual', async () => {
    const [x, residual] = [noise(2 * 77 * 20, 1), noise(2 * 77 * 8, 2)];
    const { placed, read } = await runCalls((layout, list) => {
      const out = layout.map(2, 7, 11, 8);
      const source = layout.map(2, 7, 11, 20, x);
      calls.slice(list, { source, from: 12, residual: layout.put(residual), scale: 0.5, out });
      return out.at;
    });
    const expected = residual.map((r, i) => (r + x[Math.floor(i / 8) * 20 + 12 + (i % 8)]!) / 2);
    expect(relativeError(read(placed, expected.length), expected)).toBeLessThan(1e-7);
  });
});

describe('depthwise convolution', () => {
  it.each([
    [3, 1, 1, 9, 7, 12],
    [3, 2, 0, 8, 10, 8],
    [3, 2, 1, 9, 11, 20],
    [5, 1, 2, 7, 16, 4],
    [5, 2, 1, 12, 13, 8],
    [5, 2, 2, 4, 4, 36],
  ])(
    '%d taps, stride %d, %d zeros before %d x %d x %d',
    async (kernel, stride, pad, height, width, channels) => {
      const images = 3;
      // As TensorFlow's 'SAME' has them: every stride-th pixel, zeros behind as many as it takes.
      const [outHeight, outWidth] = [Math.ceil(height / stride), Math.ceil(width / stride)];
      const x = noise(images * height * width * channels, 1);
      const filter = noise(kernel * kernel * channels, 2);
      const dy = noise(images * outHeight * outWidth * channels, 3);
      const bias = noise(channels, 4);
      const residual = noise(x.length, 5);
      const y = new Float64Array(dy.length);
      const dx = Float64Array.from(residual);
      for (let to = 0; to < dy.length; to++) {
        const [c, pixel] = [to % channels, Math.floor(to / channels)];
        const [ox, oy, n] = [
          pixel % outWidth,
          Math.floor(pixel / outWidth) % outHeight,
          Math.floor(pixel / outWidth / outHeight),
        ];
        for (let tap = 0; tap < kernel * kernel; tap++) {
          const [sy, sx] = [oy * stride + Math.floor(tap / kernel) - pad, ox * stride + (tap % kernel) - pad];
          if (sy < 0 || sx < 0 || sy >= height || sx >= width) continue;
          const from = ((n * height + sy) * width + sx) * channels + c;
          y[to]! += x[from]! * filter[tap * channels + c]!;
          dx[from]! += dy[to]! * filter[tap * channels + c]!;
        }
        y[to] = Math.min(Math.max(y[to]! + bias[c]!, 0), 6);
      }
      const { placed, read } = await runCalls((layout, list) => {
        const shared = { filter: layout.put(filter), kernel, stride: stride as 1 | 2, pad };
        const forward = layout.map(images, outHeight, outWidth, channels);
        const gradient = layout.map(images, height, width, channels);
        const epilogue = { bias: layout.put(bias), activation: record.RELU6 };
        calls.depthwise(list, {
          ...shared,
          source: layout.map(images, height, width, channels, x),
          epilogue,
          out: forward,
        });
        calls.depthwiseGradient(list, {
          ...shared,
          source: layout.map(images, outHeight, outWidth, channels, dy),
          residual: layout.put(residual),
          out: gradient,
        });
        return { forward: forward.at, gradient: gradient.at };
      });
      expect(relativeError(read(placed.forward, y.length), y)).toBeLessThan(1e-6);
      expect(relativeError(read(placed.gradient, dx.length), dx)).toBeLessThan(1e-6);
    },
  );
});

/** An average of blocks of `size` pixels. */
const pool = (rows: number, size: number) =>
  Float32Array.from({ length: rows * rows * size }, (_, i) => {
    const [r, c] = [Math.floor(i / (rows * size)), i % (rows * size)];
    return Math.floor(c / size) === r ? 1 / size : 0;
  });

describe('banded resampling', () => {
  it.each([
    [
      'bilinear, larger',
      7,
      9,
      bilinearMatrix(7, 16, false).values,
      bilinearMatrix(9, 13, false).values,
      16,
      13,
    ],
    [
      'bilinear, smaller',
      12,
      9,
      bilinearMatrix(12, 5, false).values,
      bilinearMatrix(9, 9, false).values,
      5,
      9,
    ],
    [
      'bilinear, corners aligned',
      4,
      5,
      bilinearMatrix(4, 8, true).values,
      bilinearMatrix(5, 10, true).values,
      8,
      10,
    ],
    ['from one pixel', 1, 1, bilinearMatrix(1, 3, true).values, bilinearMatrix(1, 2, false).values, 3, 2],
    ['average pool', 8, 12, pool(4, 2), pool(4, 3), 4, 4],
  ] as const)(
    '%s, and its transpose',
    async (_name, height, width, vertical, horizontal, outHeight, outWidth) => {
      const [images, channels] = [2, 12];
      const x = noise(images * height * width * channels, 1);
      const dy = noise(images * outHeight * outWidth * channels, 2);
      const residual = noise(dy.length, 3);
      const y = Float64Array.from(residual);
      const dx = new Float64Array(x.length);
      for (let n = 0; n < images; n++)
        for (let i = 0; i < outHeight * outWidth; i++)
          for (let j = 0; j < height * width; j++) {
            const [oy, ox, sy, sx] = [
              Math.floor(i / outWidth),
              i % outWidth,
              Math.floor(j / width),
              j % width,
            ];
            const weight = vertical[oy * height + sy]! * horizontal[ox * width + sx]!;
            for (let c = 0; c < channels && weight !== 0; c++) {
              const [to, from] = [
                (n * outHeight * outWidth + i) * channels + c,
                (n * height * width + j) * channels + c,
              ];
              y[to]! += weight * x[from]!;
              dx[from]! += weight * dy[to]!;
            }
          }
      const { placed, read } = await runCalls((layout, list) => {
        const table = (rows: number, values: ArrayLike<number>) => {
          const { taps, words } = calls.bandTable(rows, values);
          return { at: layout.put(words), taps };
        };
        const forward = layout.map(images, outHeight, outWidth, channels);
        const gradient = layout.map(images, height, width, channels);
        calls.banded(list, {
          source: layout.map(images, height, width, channels, x),
          rows: table(outHeight, vertical),
          columns: table(outWidth, horizontal),
          epilogue: { residual: layout.put(residual), scale: 0.5 },
          out: forward,
        });
        calls.banded(list, {
          source: layout.map(images, outHeight, outWidth, channels, dy),
          rows: table(height, calls.transposed(outHeight, vertical)),
          columns: table(width, calls.transposed(outWidth, horizontal)),
          out: gradient,
        });
        return { forward: forward.at, gradient: gradient.at };
      });
      expect(
        relativeError(
          read(placed.forward, y.length),
          y.map((v) => v / 2),
        ),
      ).toBeLessThan(1e-6);
      expect(relativeError(read(placed.gradient, dx.length), dx)).toBeLessThan(1e-6);
    },
  );

  it.each([[[1, 1]], [[1, 3, 3, 1]], [[1, 5, 10, 10, 5, 1]]])(
    'down- and upsampling with taps %s are transposes of each other',
    async (taps) => {
      const [images, height, width, channels] = [2, 8, 6, 8];
      const x = noise(images * height * width * channels, 1);
      const dy = noise((images * height * width * channels) / 4, 2);
      const total = taps.reduce((a, b) => a + b, 0);
      const pad = (taps.length - 1) >> 1;
      const { placed, read } = await runCalls((layout, list) => {
        const filter = layout.put(Float32Array.from(taps, (t) => t / total));
        const down = layout.map(images, height / 2, width / 2, channels);
        const up = layout.map(images, height, width, channels);
        const shared = { filter, taps: taps.length, pad };
        const source = layout.map(images, height, width, channels, x);
        calls.resample(list, { ...shared, source, direction: 'down', out: down });
        const gradient = layout.map(images, height / 2, width / 2, channels, dy);
        calls.resample(list, { ...shared, source: gradient, direction: 'up', out: up });
        return { down: down.at, up: up.at };
      });
      const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
      const forward = dot(read(placed.down, dy.length), dy);
      expect(Math.abs(forward)).toBeGreaterThan(0.1);
      expect(dot(read(placed.up, x.length), x) / forward).toBeCloseTo(1, 4);
    },
  );
});
