import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActiveBackend } from '../../src/gpu/backends';
import { GpuContext } from '../../src/gpu/context';
import { connectTensors } from '../../src/gpu/tensors/stream';
import { noise } from '../plan/kernel-cases';
import { maxError } from '../support/fixtures';
import { HALVES, TILINGS } from '../support/tilings';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';
import { poisonTensors } from './poison';

/** Convolution and its two gradients on TensorFlow.js tensors, in every tiling, against plain loops. */

/** Training is in float32 whatever the tile's arithmetic. */
const TENSOR_TILINGS: typeof TILINGS = { ...TILINGS, halves: HALVES };

interface Shape {
  n: number;
  h: number;
  w: number;
  inC: number;
  outC: number;
  k: number;
  pad: 'same' | 'valid' | number;
}
const SHAPES: Shape[] = [
  { n: 1, h: 5, w: 7, inC: 4, outC: 12, k: 3, pad: 'same' },
  { n: 3, h: 8, w: 8, inC: 20, outC: 36, k: 3, pad: 'same' },
  { n: 2, h: 9, w: 16, inC: 3, outC: 8, k: 3, pad: 'same' },
  { n: 2, h: 6, w: 5, inC: 8, outC: 1, k: 3, pad: 'same' },
  { n: 5, h: 4, w: 4, inC: 17, outC: 64, k: 4, pad: 'valid' },
  { n: 2, h: 9, w: 8, inC: 40, outC: 8, k: 2, pad: 'valid' },
  { n: 2, h: 7, w: 7, inC: 8, outC: 8, k: 5, pad: 1 },
  { n: 4, h: 3, w: 3, inC: 68, outC: 132, k: 1, pad: 'same' },
  { n: 65, h: 1, w: 1, inC: 4, outC: 4, k: 1, pad: 'valid' },
];

/** y, dx and dw of sum(y * dy), by definition. */
function plain(
  { n, h, w, inC, outC, k }: Shape,
  x: Float32Array,
  f: Float32Array,
  g: Float32Array,
  pad: number,
) {
  const [oh, ow] = [h + 2 * pad - k + 1, w + 2 * pad - k + 1];
  const y = new Float64Array(n * oh * ow * outC);
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(f.length);
  for (let b = 0; b < n; b++)
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++)
        for (let tap = 0; tap < k * k; tap++) {
          const [iy, ix] = [oy + Math.floor(tap / k) - pad, ox + (tap % k) - pad];
          if (iy < 0 || ix < 0 || iy >= h || ix >= w) continue;
          for (let i = 0; i < inC; i++)
            for (let o = 0; o < outC; o++) {
              const at = ((b * h + iy) * w + ix) * inC + i;
              const to = ((b * oh + oy) * ow + ox) * outC + o;
              const of = (tap * inC + i) * outC + o;
              y[to]! += x[at]! * f[of]!;
              dx[at]! += g[to]! * f[of]!;
              dw[of]! += g[to]! * x[at]!;
            }
        }
  return { y, dx, dw, oh, ow };
}

describe.skipIf(!webgpuWanted)('convolution of tensors', () => {
  let active: ActiveBackend;
  const errors: string[] = [];
  beforeAll(async () => {
    active = await activateWebGpu(errors);
  });
  afterAll(() => {
    connectTensors(active.gpu!, tf.backend());
    expect(errors).toEqual([]);
    expect(tf.memory().numTensors).toBe(0);
  });

  describe.each(Object.keys(TENSOR_TILINGS))('%s tiles', (tiling) => {
    beforeAll(() => {
      const traits = TENSOR_TILINGS[tiling];
      const context: GpuContext = traits ? new GpuContext(active.device!, true, traits, true) : active.gpu!;
      connectTensors(context, tf.backend());
    });

    it.each(SHAPES)('$n x $h x $w x $inC to $outC, $k x $k, $pad', async (shape) => {
      const { n, h, w, inC, outC, k } = shape;
      const pad = shape.pad === 'same' ? k >> 1 : shape.pad === 'valid' ? 0 : shape.pad;
      const [x, f] = [noise(n * h * w * inC, 3), noise(k * k * inC * outC, 4)];
      const g = noise(n * (h + 2 * pad - k + 1) * (w + 2 * pad - k + 1) * outC, 5);
      const expected = plain(shape, x, f, g, pad);
      const input = tf.tensor4d(x, [n, h, w, inC]);
      const filter = tf.tensor4d(f, [k, k, inC, outC]);
      const dy = tf.tensor4d(g, [n, expected.oh, expected.ow, outC]);
      poisonTensors([expected.y, expected.dx, expected.dw].map((v) => v.length));
      const attributes = { strides: 1, pad: shape.pad, dataFormat: 'NHWC', dilations: 1 };
      const run = (name: string, inputs: object, more: object = {}) =>
        tf
          .engine()
          .runKernel(name, inputs as tf.NamedTensorMap, { ...attributes, ...more } as never) as tf.Tensor;
      const bias = tf.tensor1d(noise(outC, 6));
      const results = {
        biased: run('BiasedConv2D', { x: input, filter, bias }),
        y: run('Conv2D', { x: input, filter }),
        dx: run('Conv2DBackpropInput', { dy, filter }, { inputShape: input.shape }),
        dw: run('Conv2DBackpropFilter', { x: input, dy }, { filterShape: filter.shape }),
      };
      for (const [name, tensor] of Object.entries(results)) {
        const wantedValues =
          name === 'biased' ? expected.y.map((v, i) => v + noise(outC, 6)[i % outC]!) : expected[name as 'y'];
        const size = wantedValues.reduce((m, v) => Math.max(m, Math.abs(v)), 1);
        expect(maxError(await tensor.data(), wantedValues) / size, name).toBeLessThan(2e-6);
      }
      tf.dispose([input, filter, bias, dy, ...Object.values(results)]);
      expect(errors).toEqual([]);
    });
  });
});
