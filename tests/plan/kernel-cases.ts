import { describe, expect, it } from 'vitest';
import type { GraphOps, Node, Shape } from '../../src/nn/plan/graph';
import type { Plan } from '../../src/nn/plan/steps';
import type { ConvForm } from '../../src/nn/plan/wasm/forms';
import type { WeightSource } from '../../src/nn/weights';

/** Deterministic values of about unit size. */
export function noise(count: number, seed: number): Float32Array {
  let state = seed * 2654435761 + 1;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

/** Parameters by name, made up from their shapes where no values are given. */
export function parameters(
  shapes: Record<string, number[]>,
  values: Record<string, Float32Array> = {},
): WeightSource {
  return {
    names: () => Object.keys(shapes),
    shape: (name) => shapes[name],
    read: (name) => {
      if (values[name]) return values[name];
      const shape = shapes[name]!;
      const count = shape.reduce((a, b) => a * b, 1);
      const fan = shape.length > 1 ? count / shape[0]! : 1;
      return noise(count, name.length + count).map((v) => v * Math.sqrt(3 / fan));
    },
  };
}

const map = (height: number, width: number, channels: number): Shape => ({ height, width, channels });
const vector = (channels: number): Shape => ({ height: 0, width: 0, channels });

export interface Case {
  shapes?: Record<string, number[]>;
  build: (ops: GraphOps) => Node;
  batch?: number;
  /** Form of 3x3 convolutions, for executors that have the choice. */
  form?: ConvForm;
  /** Of parameters that must not be made up. */
  values?: Record<string, Float32Array>;
  /** Done to every value of the inputs, which lie between -1 and 1. */
  input?: (value: number) => number;
}

/** Runs a case on an executor and on the reference, and compares. */
export type Check = (kernelCase: Case) => Promise<Plan>;

const SIZES: [number, number][] = [
  [1, 1],
  [5, 7],
  [8, 8],
  [9, 16],
  [17, 18],
];

/** Every kernel over awkward shapes. */
export function kernelCases(check: Check, forms: readonly ConvForm[]): void {
  describe('3x3 convolution', () => {
    describe.each(forms)('%s', (form) => {
      it.each(SIZES)('%d x %d', async (height, width) => {
        for (const [inC, outC, batch] of [
          [4, 12, 1],
          [20, 20, 3],
          [3, 8, 2],
          [36, 68, 1],
        ] as const)
          await check({
            shapes: { 'a.weight': [outC, inC, 3, 3], 'a.bias': [outC] },
            build: (ops) => ops.conv2d(ops.input('x', map(height, width, inC)), 'a', { pad: 1 }),
            batch,
            form,
          });
      });

      it('reads two joined maps through norm and SiLU, adds an embedding and a residual, scales', async () => {
        const plan = await check({
          shapes: {
            'a.weight': [24, 32, 3, 3],
            'a.bias': [24],
            'n.weight': [32],
            'n.bias': [32],
            'e.weight': [24, 8],
            'e.bias': [24],
          },
          build: (ops) => {
            const [p, q] = [ops.input('p', map(10, 9, 12)), ops.input('q', map(10, 9, 20))];
            const x = ops.silu(ops.groupNorm(ops.concat(p, q), 'n', { groups: 8, eps: 1e-5 }));
            const v = ops.linear(ops.input('v', vector(8)), 'e');
            const y = ops.addVector(ops.conv2d(x, 'a', { pad: 1 }), v);
            return ops.scale(ops.add(y, ops.input('r', map(10, 9, 24))), Math.SQRT1_2);
          },
          batch: 2,
          form,
        });
        expect(plan.steps.map((s) => s.kind).sort()).toEqual(['conv', 'linear', 'norm']);
      });

      it('with the padding of a fused resampling', async () => {
        await check({
          shapes: { 'a.weight': [8, 4, 3, 3], 'a.bias': [8] },
          build: (ops) => {
            const y = ops.conv2d(ops.input('x', map(8, 8, 4)), 'a', { pad: 2, bias: false });
            return ops.addBias(ops.downsample(y, [1, 3, 3, 1], 0), 'a');
          },
          batch: 2,
          form,
        });
      });
    });

    it('writes one and three channels', async () => {
      for (const channels of [1, 3])
        await check({
          shapes: { 'a.weight': [channels, 12, 3, 3], 'a.bias': [channels] },
          build: (ops) => ops.conv2d(ops.input('x', map(8, 8, 12)), 'a', { pad: 1 }),
          batch: 2,
        });
    });

    it('batches of one to five, and of 65', async () => {
      for (const batch of [1, 2, 3, 4, 5, 65])
        await check({
          shapes: { 'a.weight': [20, 16, 3, 3], 'a.bias': [20] },
          build: (ops) => ops.conv2d(ops.input('x', map(16, 16, 16)), 'a', { pad: 1 }),
          batch,
        });
    });
  });

  describe('1x1 convolution', () => {
    it.each(SIZES)('%d x %d', async (height, width) => {
      for (const [inC, outC] of [
        [4, 12],
        [20, 3],
        [1, 4],
      ] as const)
        await check({
          shapes: { 'a.weight': [outC, inC, 1, 1], 'a.bias': [outC] },
          build: (ops) => {
            const y = ops.conv2d(ops.input('x', map(height, width, inC)), 'a', { pad: 0 });
            return ops.scale(ops.add(y, ops.input('r', map(height, width, outC))), 0.7);
          },
          batch: 3,
        });
    });

    it('of a normalised map', async () => {
      await check({
        shapes: { 'a.weight': [12, 20, 1, 1], 'a.bias': [12], 'n.weight': [20], 'n.bias': [20] },
        build: (ops) => {
          const x = ops.groupNorm(ops.input('x', map(7, 9, 20)), 'n', { groups: 5, eps: 1e-6 });
          return ops.conv2d(x, 'a', { pad: 0 });
        },
        batch: 2,
      });
    });
  });

  describe('group norm', () => {
    it.each(SIZES)('%d x %d, adaptive', async (height, width) => {
      for (const [channels, groups] of [
        [4, 1],
        [12, 3],
        [80, 20],
      ] as const)
        await check({
          shapes: { 'n.weight': [channels], 'n.bias': [channels] },
          build: (ops) => {
            const normed = ops.groupNorm(ops.input('x', map(height, width, channels)), 'n', {
              groups,
              eps: 1e-3,
            });
            return ops.silu(ops.modulate(normed, ops.input('v', vector(2 * channels))));
          },
          batch: 2,
        });
    });

    it('keeps its digits beside a large mean', async () => {
      await check({
        shapes: { 'n.weight': [8], 'n.bias': [8] },
        build: (ops) => ops.groupNorm(ops.input('x', map(33, 31, 8)), 'n', { groups: 2, eps: 1e-6 }),
        input: (v) => v + 20,
      });
    });
  });

  describe('resampling', () => {
    it.each([[[1, 1]], [[1, 3, 3, 1]], [[1, 5, 10, 10, 5, 1]]])('taps %s', async (taps) => {
      for (const [height, width] of [
        [4, 6],
        [8, 8],
        [16, 10],
      ] as const)
        for (const channels of [3, 4, 20]) {
          const input = map(height, width, channels);
          await check({
            build: (ops) => ops.downsample(ops.input('x', input), taps, (taps.length - 1) >> 1),
            batch: 2,
          });
          await check({
            build: (ops) =>
              ops.add(
                ops.upsample(ops.silu(ops.input('x', input)), taps),
                ops.input('r', map(2 * height, 2 * width, channels)),
              ),
            batch: 2,
          });
        }
    });
  });

  describe('attention', () => {
    it.each(SIZES)('%d x %d', async (height, width) => {
      for (const [channels, heads] of [
        [4, 1],
        [24, 2],
        [20, 1],
      ] as const)
        await check({
          shapes: { 'a.weight': [3 * channels, 8, 1, 1], 'a.bias': [3 * channels] },
          build: (ops) =>
            ops.attention(ops.conv2d(ops.input('x', map(height, width, 8)), 'a', { pad: 0 }), heads),
          batch: 2,
        });
    });
  });

  describe('linear layers', () => {
    it('scale, residual and SiLU; several in one product', async () => {
      for (let batch = 1; batch <= 5; batch++)
        await check({
          shapes: {
            'l.weight': [12, 10],
            'l.bias': [12],
            'k.weight': [8, 12],
            'm.weight': [8, 12],
            'm.bias': [8],
          },
          build: (ops) => {
            const labels = ops.linear(ops.scale(ops.input('labels', vector(10)), Math.sqrt(10)), 'l');
            const emb = ops.silu(ops.add(labels, ops.input('noise', vector(12))));
            const x = ops.addVector(ops.input('x', map(3, 3, 8)), ops.linear(emb, 'k', { bias: false }));
            return ops.addVector(ops.scale(x, 0.5), ops.linear(emb, 'm'));
          },
          batch,
        });
    });
  });
}
