import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import type { BackendName } from '../../src/lib/backends';
import { Alignment, unbiasedHsic } from '../../src/lib/cka';
import { radialPower } from '../../src/nn/inspection/spectrum';
import {
  activeShare,
  attentionEntropy,
  centredGram,
  meanAbsoluteDifference,
  rootMeanSquare,
} from '../../src/nn/inspection/statistics';
import { FIXTURES, maxError } from '../support/fixtures';

/** Made by tests/fixtures/make_inspection.py. */
const golden = JSON.parse(readFileSync(join(FIXTURES, 'inspection.json'), 'utf8')) as {
  spectra: { shape: [number, number, number, number]; x: number[]; power: number[] }[];
  cka: { x: number[]; y: number[]; n: number; hsic: number; cka: number }[];
  ckaBoth: number;
  attention: { shape: [number, number, number, number]; heads: number; qkv: number[]; entropy: number[] };
};
const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',') as BackendName[];

/** Inner products of rows, without their mean. */
function gram(x: readonly number[], n: number): Float64Array {
  const p = x.length / n;
  const mean = Float64Array.from({ length: p }, (_, c) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += x[i * p + c]!;
    return sum / n;
  });
  return Float64Array.from({ length: n * n }, (_, ij) => {
    let sum = 0;
    for (let c = 0; c < p; c++)
      sum += (x[Math.floor(ij / n) * p + c]! - mean[c]!) * (x[(ij % n) * p + c]! - mean[c]!);
    return sum;
  });
}

describe('linear CKA', () => {
  it.each(golden.cka)(
    'unbiased HSIC and alignment of $n examples equal numpy’s',
    ({ x, y, n, hsic, cka }) => {
      const [k, l] = [gram(x, n), gram(y, n)];
      expect(unbiasedHsic(k, l, n) / hsic).toBeCloseTo(1, 8);
      const alignment = new Alignment();
      alignment.add(k, l, n);
      expect(alignment.value).toBeCloseTo(cka, 8);
    },
  );

  it('sums minibatches before it divides', () => {
    const alignment = new Alignment();
    for (const { x, y, n } of golden.cka) alignment.add(gram(x, n), gram(y, n), n);
    expect(alignment.value).toBeCloseTo(golden.ckaBoth, 8);
  });

  it('is 1 for a rotation and a scale of the same, about 0 for chance, null for a constant', () => {
    const n = 30;
    const random = (seed: number) => {
      let s = seed;
      return Array.from({ length: n * 6 }, () => {
        s = (s * 1103515245 + 12345) % 2 ** 31;
        return s / 2 ** 30 - 1;
      });
    };
    const x = random(1);
    const turned = x.map((_, i) => {
      const [row, c] = [Math.floor(i / 6), i % 6];
      const partner = c % 2 === 0 ? c + 1 : c - 1;
      return 3 * (0.6 * x[row * 6 + c]! + (c % 2 === 0 ? -0.8 : 0.8) * x[row * 6 + partner]!);
    });
    const value = (a: number[], b: number[]) => {
      const alignment = new Alignment();
      alignment.add(gram(a, n), gram(b, n), n);
      return alignment.value;
    };
    expect(value(x, turned)).toBeCloseTo(1, 9);
    expect(Math.abs(value(x, random(77))!)).toBeLessThan(0.2);
    expect(value(x, Array(n * 6).fill(2))).toBeNull();
  });
});

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => openBackend(backend));
  afterEach(() => expect(tf.memory().numTensors).toBe(0));

  const run = (make: () => tf.Tensor) => {
    const out = tf.tidy(make);
    return out.data().finally(() => out.dispose()) as Promise<Float32Array>;
  };
  // Awkward sizes, and values far from 0: [3, 5, 5, 6].
  const shape: [number, number, number, number] = [3, 5, 5, 6];
  const x = Float32Array.from({ length: 450 }, (_, i) => Math.sin(i * 1.7) * (1 + (i % 6)) + 0.3);
  const y = Float32Array.from({ length: 450 }, (_, i) => Math.cos(i * 0.9));
  const sample = (v: Float32Array, n: number) => [...v.subarray(n * 150, (n + 1) * 150)];
  const mean = (v: number[]) => v.reduce((a, b) => a + b, 0) / v.length;

  it('root mean square and mean absolute difference equal a plain loop', async () => {
    const rms = await run(() => rootMeanSquare(tf.tensor4d(x, shape)));
    const change = await run(() => meanAbsoluteDifference(tf.tensor4d(x, shape), tf.tensor4d(y, shape)));
    for (let n = 0; n < 3; n++) {
      expect(rms[n]).toBeCloseTo(Math.sqrt(mean(sample(x, n).map((v) => v * v))), 5);
      const differences = sample(x, n).map((v, i) => Math.abs(v - sample(y, n)[i]!));
      expect(change[n]).toBeCloseTo(mean(differences), 5);
    }
  });

  it('share of active channels equals a plain loop, also of a vector', async () => {
    for (const threshold of [0.25, 0.8]) {
      const share = await run(() => activeShare(tf.tensor4d(x, shape), threshold));
      for (let n = 0; n < 3; n++) {
        const whole = Math.sqrt(mean(sample(x, n).map((v) => v * v)));
        const channels = Array.from({ length: 6 }, (_, c) =>
          Math.sqrt(
            mean(
              sample(x, n)
                .filter((_, i) => i % 6 === c)
                .map((v) => v * v),
            ),
          ),
        );
        expect(share[n]).toBeCloseTo(channels.filter((v) => v > threshold * whole).length / 6, 5);
      }
    }
    const vector = await run(() => activeShare(tf.tensor2d([4, 0.1, 3, 0], [1, 4]), 0.25));
    expect(vector[0]).toBeCloseTo(0.5, 6);
  });

  it('attention entropy equals numpy’s', async () => {
    const { shape: s, heads, qkv, entropy } = golden.attention;
    const values = await run(() => attentionEntropy(tf.tensor4d(qkv, s), heads));
    expect(maxError(values, entropy)).toBeLessThan(1e-5);
  });

  it('one pixel that outshines all others has entropy 0, equal ones 1', async () => {
    const same = await run(() => attentionEntropy(tf.zeros([1, 4, 4, 6]), 1));
    expect(same[0]).toBeCloseTo(1, 5);
    const qkv = new Float32Array(4 * 6);
    for (let p = 0; p < 4; p++) qkv.set([30, p === 2 ? 30 : 0, 0, 30, 0, 0], p * 6);
    const sharp = await run(() => attentionEntropy(tf.tensor4d(qkv, [1, 2, 2, 6]), 1));
    expect(sharp[0]).toBeCloseTo(0, 5);
  });

  it.each(golden.spectra)('radial power of $shape equals numpy’s', async ({ shape: s, x: values, power }) => {
    const out = await run(() => radialPower(tf.tensor4d(values, s)));
    const scale = Math.max(...power);
    expect(maxError(out, power) / scale).toBeLessThan(2e-6);
  });

  it('the Gram matrix has the samples’ mean taken off', async () => {
    const values = [...x].map((v, i) => v + (i % 150)); // a large common part
    const out = await run(() => centredGram(tf.tensor4d(values, shape)));
    const want = gram(values, 3);
    expect(maxError(out, want) / Math.max(...want)).toBeLessThan(1e-5);
  });
});
