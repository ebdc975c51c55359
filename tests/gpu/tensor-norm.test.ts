import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noise } from '../plan/kernel-cases';
import { maxError } from '../support/fixtures';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';
import { poisonTensors } from './poison';

/** Group norm, SiLU, Adam, averages and column sums on TensorFlow.js tensors, against plain double precision. */

const run = (name: string, inputs: Record<string, tf.Tensor>, attributes: object = {}) =>
  tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap) as tf.Tensor & tf.Tensor[];

describe.skipIf(!webgpuWanted)('element-wise kernels and norms of tensors', () => {
  const errors: string[] = [];
  beforeAll(async () => {
    await activateWebGpu(errors);
  });
  afterAll(() => {
    expect(errors).toEqual([]);
    expect(tf.memory().numTensors).toBe(0);
  });

  it.each([
    [1, 1, 4, 1],
    [2, 35, 12, 3],
    [3, 64, 70, 7],
    [65, 9, 16, 4],
    [1, 2000, 33, 33], // batch norm
  ])('%i x %i x %i in %i groups', async (n, pixels, channels, groups) => {
    const width = channels / groups;
    const eps = 1e-5;
    const x = noise(n * pixels * channels, 7).map((v) => v + 3); // a mean that would cancel
    const [w, b, g] = [noise(channels, 8), noise(channels, 9), noise(x.length, 10)];
    const [y, dx] = [new Float64Array(x.length), new Float64Array(x.length)];
    const [dw, db] = [new Float64Array(channels), new Float64Array(channels)];
    for (let i = 0; i < n; i++)
      for (let k = 0; k < groups; k++) {
        const places: number[] = [];
        for (let p = 0; p < pixels; p++)
          for (let c = k * width; c < (k + 1) * width; c++) places.push((i * pixels + p) * channels + c);
        const meanOf = (f: (at: number) => number) => places.reduce((s, at) => s + f(at), 0) / places.length;
        const mean = meanOf((at) => x[at]!);
        const r = 1 / Math.sqrt(meanOf((at) => (x[at]! - mean) ** 2) + eps);
        const hat = (at: number) => (x[at]! - mean) * r;
        const [s1, s2] = [
          meanOf((at) => g[at]! * w[at % channels]!),
          meanOf((at) => g[at]! * w[at % channels]! * hat(at)),
        ];
        for (const at of places) {
          const c = at % channels;
          y[at] = hat(at) * w[c]! + b[c]!;
          dx[at] = r * (w[c]! * g[at]! - s1 - hat(at) * s2);
          dw[c]! += g[at]! * hat(at);
          db[c]! += g[at]!;
        }
      }
    const [input, weight, bias, dy] = [
      tf.tensor(x, [n, pixels, channels]),
      tf.tensor1d(w),
      tf.tensor1d(b),
      tf.tensor(g, [n, pixels, channels]),
    ];
    poisonTensors([x.length, 3 * n * groups, 2 * n * groups, 2 * channels]);
    const [found, statistics] = run('GroupNorm', { x: input, weight, bias }, { groups, eps });
    const [gradient, parameters] = run('GroupNormGradient', {
      dy,
      x: input,
      weight,
      statistics: statistics!,
    });
    const sums = tf.sum(dy, [0, 1]);
    expect(errors).toEqual([]);
    expect(maxError(await found!.data(), y)).toBeLessThan(1e-5);
    expect(maxError(await gradient!.data(), dx)).toBeLessThan(1e-5);
    const both = await parameters!.data();
    const scale = Math.sqrt(n * pixels);
    expect(maxError(both.slice(0, channels), db) / scale).toBeLessThan(1e-5);
    expect(maxError(both.slice(channels), dw) / scale).toBeLessThan(1e-5);
    expect(maxError(await sums.data(), db) / scale).toBeLessThan(1e-5);
    tf.dispose([input, weight, bias, dy, found!, statistics!, gradient!, parameters!, sums]);
  });

  it('SiLU and its gradient', async () => {
    const [x, g] = [noise(1001, 1).map((v) => v * 30), noise(1001, 2)];
    const [input, dy] = [tf.tensor1d(x), tf.tensor1d(g)];
    poisonTensors([1001, 1001]);
    const [y, dx] = [run('Silu', { x: input }), run('SiluGradient', { dy, x: input })];
    const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
    expect(
      maxError(
        await y.data(),
        x.map((v) => v * sigmoid(v)),
      ),
    ).toBeLessThan(1e-5);
    const expected = x.map((v, i) => g[i]! * sigmoid(v) * (1 + v * (1 - sigmoid(v))));
    expect(maxError(await dx.data(), expected)).toBeLessThan(1e-5);
    tf.dispose([input, dy, y, dx]);
  });

  it('a step of Adam takes NaN for nothing and infinities for large', async () => {
    const gradients = [0.5, -2, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1e-12];
    const seconds = [0.1, 0, 0.3, 0, 1, 0, 0];
    const variable = tf.tensor1d(gradients.map(() => 1));
    const [gradient, second] = [tf.tensor1d(gradients), tf.tensor1d(seconds)];
    poisonTensors([7, 7]);
    const [next, after] = run(
      'AdamStep',
      { variable, gradient, second },
      { beta2: 0.99, rate: 0.01, correction: 2, eps: 1e-8 },
    );
    const clean = gradients.map((g) => (Number.isNaN(g) ? 0 : Math.max(-1e5, Math.min(1e5, g))));
    const v = clean.map((g, i) => seconds[i]! * 0.99 + g * g * 0.01);
    const expected = clean.map((g, i) => 1 - (0.01 * g) / (Math.sqrt(v[i]!) * 2 + 1e-8));
    const relative = (found: ArrayLike<number>, values: number[]) =>
      maxError(
        Array.from(found, (f, i) => f / (values[i] || 1)),
        values.map((e) => e / (e || 1)),
      );
    expect(relative(await after!.data(), v)).toBeLessThan(1e-5);
    expect(relative(await next!.data(), expected)).toBeLessThan(1e-5);
    tf.dispose([variable, gradient, second, next!, after!]);
  });

  it('an average moves by its share', async () => {
    const [a, b] = [tf.tensor1d([1, 2, 3]), tf.tensor1d([5, -2, 3])];
    poisonTensors([3]);
    const out = run('Blend', { a, b }, { share: 0.25 });
    expect(Array.from(await out.data())).toEqual([2, 1, 3]);
    tf.dispose([a, b, out]);
  });
});
