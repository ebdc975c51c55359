import { describe, expect, it } from 'vitest';
import { packDirect, packedMatrix, packWinograd } from '../../../src/nn/plan/wasm/weights';
import * as calls from '../../../src/simd/calls/convolution';
import { noise } from '../../plan/kernel-cases';
import { published, relativeError, runCalls, stored } from './kernels';

/** Convolutions of training against their definitions in float64. */

interface Shape {
  images: number;
  height: number;
  width: number;
  inputs: number;
  outputs: number;
  kernel: number;
  stride: number;
  pad: number;
}

const up4 = (channels: number) => Math.ceil(channels / 4) * 4;
const outSize = (size: number, { kernel, stride, pad }: Shape) =>
  Math.floor((size + 2 * pad - kernel) / stride) + 1;
const order = (channels: number) => Array.from({ length: up4(channels) }, (_, c) => (c < channels ? c : -1));

/** Calls `visit` with the indices of every product of a convolution: x NHWC, w OIHW, y NHWC. */
function products(s: Shape, visit: (x: number, w: number, y: number) => void): void {
  const [height, width] = [outSize(s.height, s), outSize(s.width, s)];
  for (let n = 0; n < s.images; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let i = 0; i < s.kernel; i++)
          for (let j = 0; j < s.kernel; j++) {
            const [sy, sx] = [y * s.stride + i - s.pad, x * s.stride + j - s.pad];
            if (sy < 0 || sx < 0 || sy >= s.height || sx >= s.width) continue;
            const from = ((n * s.height + sy) * s.width + sx) * s.inputs;
            const to = ((n * height + y) * width + x) * s.outputs;
            for (let o = 0; o < s.outputs; o++)
              for (let c = 0; c < s.inputs; c++)
                visit(from + c, ((o * s.inputs + c) * s.kernel + i) * s.kernel + j, to + o);
          }
}

function values(s: Shape) {
  const [height, width] = [outSize(s.height, s), outSize(s.width, s)];
  const x = noise(s.images * s.height * s.width * s.inputs, 3);
  const w = noise(s.outputs * s.inputs * s.kernel ** 2, 5);
  const dy = noise(s.images * height * width * s.outputs, 7);
  const y = new Float64Array(dy.length);
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  products(s, (a, b, c) => {
    y[c]! += x[a]! * w[b]!;
    dx[a]! += dy[c]! * w[b]!;
    dw[b]! += dy[c]! * x[a]!;
  });
  const panels = new Float32Array(calls.panelValues(s.kernel ** 2 * up4(s.inputs), up4(s.outputs)));
  packDirect(w, s.kernel ** 2, s.inputs, order(s.inputs), order(s.outputs), panels);
  return { height, width, x, w, dy, y, dx, dw, panels };
}

/** Panels back to OIHW. */
function unpack(panels: Float32Array, s: Shape): Float32Array {
  const rows = s.kernel ** 2 * up4(s.inputs);
  const matrix = packedMatrix(rows, up4(s.outputs));
  const out = new Float32Array(s.outputs * s.inputs * s.kernel ** 2);
  const inside = new Set<number>();
  for (let o = 0; o < s.outputs; o++)
    for (let c = 0; c < s.inputs; c++)
      for (let tap = 0; tap < s.kernel ** 2; tap++) {
        const at = matrix.at(o) + (tap * up4(s.inputs) + c) * 8;
        inside.add(at);
        out[(o * s.inputs + c) * s.kernel ** 2 + tap] = panels[at]!;
      }
  for (const [i, value] of panels.entries()) if (!inside.has(i)) expect(value).toBe(0);
  return out;
}

const SHAPES: [string, Shape][] = [
  ['3x3', { images: 2, height: 9, width: 7, inputs: 20, outputs: 12, kernel: 3, stride: 1, pad: 1 }],
  [
    '3x3, many channels',
    { images: 1, height: 16, width: 16, inputs: 72, outputs: 68, kernel: 3, stride: 1, pad: 1 },
  ],
  [
    '3x3, channels that pad',
    { images: 3, height: 5, width: 8, inputs: 3, outputs: 6, kernel: 3, stride: 1, pad: 1 },
  ],
  [
    '3x3, no padding',
    { images: 2, height: 6, width: 6, inputs: 4, outputs: 8, kernel: 3, stride: 1, pad: 0 },
  ],
  [
    '3x3, padding of 2',
    { images: 1, height: 4, width: 5, inputs: 4, outputs: 8, kernel: 3, stride: 1, pad: 2 },
  ],
  ['1x1', { images: 3, height: 7, width: 5, inputs: 24, outputs: 20, kernel: 1, stride: 1, pad: 0 }],
  ['4x4', { images: 2, height: 8, width: 8, inputs: 9, outputs: 1, kernel: 4, stride: 1, pad: 0 }],
  ['5x5', { images: 1, height: 10, width: 9, inputs: 4, outputs: 4, kernel: 5, stride: 1, pad: 2 }],
  [
    '4x4, stride 2',
    { images: 3, height: 8, width: 12, inputs: 12, outputs: 20, kernel: 4, stride: 2, pad: 1 },
  ],
  [
    '4x4, stride 2, odd',
    { images: 2, height: 9, width: 7, inputs: 4, outputs: 8, kernel: 4, stride: 2, pad: 1 },
  ],
  [
    '3x3, stride 2',
    { images: 2, height: 11, width: 8, inputs: 3, outputs: 16, kernel: 3, stride: 2, pad: 1 },
  ],
  [
    '3x3, stride 2, no padding',
    { images: 1, height: 9, width: 9, inputs: 8, outputs: 8, kernel: 3, stride: 2, pad: 0 },
  ],
  ['1x1, stride 2', { images: 2, height: 7, width: 6, inputs: 8, outputs: 4, kernel: 1, stride: 2, pad: 0 }],
  [
    'tiny maps of many images',
    { images: 11, height: 4, width: 4, inputs: 8, outputs: 8, kernel: 3, stride: 1, pad: 1 },
  ],
  [
    'a linear layer',
    { images: 1, height: 1, width: 13, inputs: 12, outputs: 20, kernel: 1, stride: 1, pad: 0 },
  ],
];

describe.each(SHAPES)('%s', (_name, s) => {
  const { height, width, x, w, dy, y, dx, dw, panels } = values(s);
  const { kernel, stride, pad } = s;
  const window = { kernel, stride, pad };
  const filterShape = { window, inputs: up4(s.inputs), outputs: up4(s.outputs) };

  it('forward', async () => {
    const { placed, read } = await runCalls((layout, list) => {
      const out = layout.map(s.images, height, width, up4(s.outputs));
      calls.convolve(list, {
        sources: [layout.map(s.images, s.height, s.width, up4(s.inputs), stored(x, s.inputs))],
        window,
        filter: layout.put(panels),
        out,
      });
      return out;
    });
    const found = published(read(placed.at, placed.images * height * width * placed.channels), s.outputs);
    expect(relativeError(found, y)).toBeLessThan(1e-6);
  });

  it('gradient of the input', async () => {
    const { placed, read } = await runCalls((layout, list) => {
      const turned = layout.room(calls.turnedValues(filterShape));
      const out = layout.map(s.images, s.height, s.width, up4(s.inputs));
      calls.turnFilter(list, { ...filterShape, filter: layout.put(panels), out: turned });
      calls.inputGradient(list, {
        dy: layout.map(s.images, height, width, up4(s.outputs), stored(dy, s.outputs)),
        window,
        filter: turned,
        out,
      });
      return out;
    });
    const found = published(read(placed.at, s.images * s.height * s.width * placed.channels), s.inputs);
    expect(relativeError(found, dx)).toBeLessThan(1e-6);
  });

  it('gradient of the filter', async () => {
    const { placed, read } = await runCalls((layout, list) => {
      const out = layout.room(panels.length);
      const gradient = {
        sources: [layout.map(s.images, s.height, s.width, up4(s.inputs), stored(x, s.inputs))],
        window,
        dy: layout.map(s.images, height, width, up4(s.outputs), stored(dy, s.outputs)),
        scale: 0.5,
        out,
      };
      calls.filterGradient(list, gradient);
      calls.filterGradient(list, { ...gradient, scale: 0.25, accumulate: true });
      return out;
    });
    const found = unpack(read(placed, panels.length), s);
    expect(
      relativeError(
        found,
        dw.map((v) => 0.75 * v),
      ),
    ).toBeLessThan(2e-6);
  });

  if (kernel === 3 && stride === 1)
    it.each([2, 4] as const)('filters and input gradient in Winograd tiles of %d', async (tile) => {
      const packed = new Float32Array(calls.winogradValues(tile, up4(s.inputs), up4(s.outputs)));
      packWinograd(w, tile, s.inputs, order(s.inputs), order(s.outputs), packed);
      const { placed, read } = await runCalls((layout, list) => {
        const out = layout.map(s.images, s.height, s.width, up4(s.inputs));
        const filter = layout.put(panels);
        const [inputs, outputs] = [up4(s.inputs), up4(s.outputs)];
        const own = layout.room(packed.length);
        const turned = layout.room(calls.turnedValues(filterShape));
        const transformed = layout.room(calls.winogradValues(tile, outputs, inputs));
        calls.winogradFilter(list, { filter, inputs, outputs, tile, out: own });
        calls.turnFilter(list, { ...filterShape, filter, out: turned });
        calls.winogradFilter(list, {
          filter: turned,
          inputs: outputs,
          outputs: inputs,
          tile,
          out: transformed,
        });
        calls.inputGradient(list, {
          dy: layout.map(s.images, height, width, outputs, stored(dy, s.outputs)),
          window,
          filter: transformed,
          winograd: tile,
          out,
        });
        return { own, out };
      });
      expect(relativeError(read(placed.own, packed.length), packed)).toBeLessThan(1e-6);
      const found = published(read(placed.out.at, s.images * s.height * s.width * up4(s.inputs)), s.inputs);
      expect(relativeError(found, dx)).toBeLessThan(tile === 2 ? 2e-6 : 1e-5);
    });
});

describe('what is fused', () => {
  it('the gradient of a filter reads two joined maps through norm and SiLU', async () => {
    const [images, height, width, first, second, outputs] = [2, 6, 5, 8, 12, 16];
    const inputs = first + second;
    const [a, b] = [noise(images * height * width * first, 1), noise(images * height * width * second, 2)];
    const affine = noise(images * 2 * inputs, 4);
    const dy = noise(images * height * width * outputs, 5);
    const pixels = height * width;
    const x = Float64Array.from({ length: images * pixels * inputs }, (_, i) => {
      const [c, pixel] = [i % inputs, Math.floor(i / inputs)];
      const n = Math.floor(pixel / pixels);
      const raw = c < first ? a[pixel * first + c]! : b[pixel * second + c - first]!;
      const u = raw * affine[2 * n * inputs + c]! + affine[(2 * n + 1) * inputs + c]!;
      return u / (1 + Math.exp(-u));
    });
    const s: Shape = { images, height, width, inputs, outputs, kernel: 3, stride: 1, pad: 1 };
    const dw = new Float64Array(outputs * inputs * 9);
    products(s, (i, w, y) => {
      dw[w]! += x[i]! * dy[y]!;
    });
    const count = calls.panelValues(9 * inputs, outputs);
    const { placed, read } = await runCalls((layout, list) => {
      const out = layout.room(count);
      calls.filterGradient(list, {
        sources: [layout.map(images, height, width, first, a), layout.map(images, height, width, second, b)],
        prologue: { affine: layout.put(affine), silu: true },
        window: { kernel: 3, stride: 1, pad: 1 },
        dy: layout.map(images, height, width, outputs, dy),
        out,
      });
      return out;
    });
    expect(relativeError(unpack(read(placed, count), s), dw)).toBeLessThan(2e-6);
  });

  it('an input gradient of stride 2 adds a residual and scales', async () => {
    const s: Shape = { images: 2, height: 8, width: 6, inputs: 8, outputs: 12, kernel: 4, stride: 2, pad: 1 };
    const { height, width, dy, dx, panels } = values(s);
    const residual = noise(dx.length, 9);
    const window = { kernel: 4, stride: 2, pad: 1 };
    const { placed, read } = await runCalls((layout, list) => {
      const shape = { window, inputs: 8, outputs: 12 };
      const turned = layout.room(calls.turnedValues(shape));
      const out = layout.map(2, 8, 6, 8);
      calls.turnFilter(list, { ...shape, filter: layout.put(panels), out: turned });
      const epilogue = { residual: layout.put(residual), scale: 0.7 };
      calls.inputGradient(list, {
        dy: layout.map(2, height, width, 12, dy),
        window,
        filter: turned,
        epilogue,
        out,
      });
      return out;
    });
    const expected = dx.map((v, i) => 0.7 * (v + residual[i]!));
    expect(relativeError(read(placed.at, dx.length), expected)).toBeLessThan(1e-6);
  });
});
