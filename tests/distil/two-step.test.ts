import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { Adam } from '../../src/distil/adam';
import { AdversarialStep } from '../../src/distil/adversarial-step';
import { fitMicroBatch } from '../../src/distil/batch-memory';
import {
  type DistilConfig,
  preset,
  samplingConfig,
  savedConfig,
  studentSampling,
} from '../../src/distil/config';
import { checkNumbers } from '../../src/distil/config-checks';
import { generate } from '../../src/distil/generator';
import { RandomStream } from '../../src/distil/random';
import { twoStep } from '../../src/nn/samplers';
import '../../src/nn/tf/gradients';

/** A generator D(x, sigma) = g x and a discriminator w x: every value of a step has a closed form. */

beforeAll(async () => {
  await openBackend('cpu');
});

const [START, MIDDLE, G, W] = [2.5, 0.8, 1.5, 0.3];
const R = MIDDLE / START;
const BATCH = 4;
/** Images of four values: a stream draws four at a time. */
const SHAPE: [number, number, number, number] = [BATCH, 1, 1, 4];
const REAL = Array.from({ length: 16 }, (_, i) => Math.sin(3 * i) + 0.4);
const TWO_STEPS: DistilConfig = {
  ...preset('small'),
  clipFakes: false, // the images have a closed form
  nfe: 2,
  sigmaMid: MIDDLE,
  startSigma: START,
  batch: BATCH,
  seed: 7,
};

const softplus = (x: number) => Math.log1p(Math.exp(x));
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const noise = (stream: 'generatorNoise' | 'discriminatorNoise') =>
  [...new RandomStream(7, stream, 3).normals(4 * BATCH)].map((z) => z * START);

/** x -> g x -> the line back to MIDDLE -> g times that; and its derivative by g, through both evaluations. */
const image = (g: number, x: number) => g * (g * x + (x - g * x) * R);
const slope = (g: number, x: number) => (2 * g * (1 - R) + R) * x;

function players(change: Partial<DistilConfig>) {
  const g = tf.variable(tf.scalar(G));
  const w = tf.variable(tf.scalar(W));
  const asked: number[] = [];
  const step = new AdversarialStep({
    config: { ...TWO_STEPS, ...change },
    denoiser: {
      forward(x: tf.Tensor4D, sigmas: readonly number[]) {
        asked.push(...sigmas);
        return tf.mul(x, g);
      },
    } as never,
    discriminator: {
      advance: () => new Map(),
      release: () => {},
      look: (x: tf.Tensor4D) => [tf.clone(x)],
      logits: ([maps]: tf.Tensor4D[]) => [tf.mul(tf.reshape(maps!, [-1, 4]), w)],
    } as never,
    generatorSide: { variables: new Map([['g', g]]), adam: new Adam(0.1) },
    discriminatorSide: { variables: new Map([['w', w]]), adam: new Adam(0.2) },
  });
  return { step, asked, value: async (v: 'g' | 'w') => (await { g, w }[v].data())[0]! };
}

const of = (real: tf.Tensor4D) => ({ real, labels: null, kind: 'both' as const, withR1: false });

describe.each([0, 2])('two steps, in parts of %i (0: the whole batch)', (microBatch) => {
  it.each([true, false])('train through both evaluations (shared fakes: %s)', async (shareFakes) => {
    const { step, asked, value } = players({ shareFakes, microBatch });
    const real = tf.tensor4d(REAL, SHAPE);
    const found = await step.run({ iteration: 3, ...of(real) });
    real.dispose();
    const z = noise('generatorNoise');
    // With shared fakes the generator answers the updated discriminator.
    const w = shareFakes ? await value('w') : W;
    expect(found.lossG).toBeCloseTo(mean(z.map((x) => softplus(-w * image(G, x)))), 5);
    const gradient = -mean(z.map((x) => sigmoid(-w * image(G, x)) * w * slope(G, x)));
    expect(found.gradientNormG).toBeCloseTo(Math.abs(gradient), 5);
    const fakes = shareFakes
      ? z.map((x) => image(G, x))
      : noise('discriminatorNoise').map((x) => image(G - 0.1 * Math.sign(gradient), x));
    expect(found.lossD).toBeCloseTo(
      mean(fakes.map((x) => softplus(W * x))) + mean(REAL.map((x) => softplus(-W * x))),
      5,
    );
    // Every pass is an evaluation at the start sigma and one at the middle.
    expect(asked.length).toBeGreaterThan(0);
    expect(asked).toEqual(asked.map((_, i) => (i % 2 === 0 ? START : MIDDLE)));
  });

  it('leaves nothing behind', async () => {
    const { step } = players({ microBatch });
    const real = tf.tensor4d(REAL, SHAPE);
    await step.run({ iteration: 0, ...of(real) }); // makes the moments
    const before = tf.memory().numTensors;
    for (let i = 1; i < 3; i++) await step.run({ iteration: i, ...of(real) });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a two-step student', () => {
  /** Curved, so that both evaluations matter. */
  const curved = (x: number, sigma: number) => Math.tanh(x / (1 + sigma)) + 0.1 * sigma;

  it('is trained on the images that the two-step sampler makes', async () => {
    const z = Float32Array.from({ length: 16 }, (_, i) => Math.cos(5 * i) * 2);
    for (const startSigma of [2.5, 80]) {
      const wanted = await twoStep(async (x, s) => x.map((v) => curved(v, s)), z, startSigma, MIDDLE);
      const denoiser = {
        forward: (x: tf.Tensor4D, [s]: readonly number[]) =>
          tf.add(tf.tanh(tf.div(x, 1 + s!)), 0.1 * s!) as tf.Tensor4D,
      };
      const x = tf.tensor4d(
        [...z].map((v) => v * startSigma),
        SHAPE,
      );
      const made = await generate(denoiser as never, x, null, { ...TWO_STEPS, startSigma }).data();
      expect(Math.max(...[...made].map((v, i) => Math.abs(v - wanted[i]!)))).toBeLessThan(1e-6);
    }
  });

  it('has its second evaluation below the first', () => {
    const where = (change: Partial<DistilConfig>) => {
      try {
        checkNumbers({ ...TWO_STEPS, ...change });
        return null;
      } catch (error) {
        return (error as { detail: { where: string } }).detail.where;
      }
    };
    expect(where({})).toBeNull();
    expect(where({ sigmaMid: 2.5 })).toBe('sigmaMid');
    expect(where({ sigmaMid: 0 })).toBe('sigmaMid');
    expect(where({ sigmaMid: 3, nfe: 1 })).toBeNull(); // not used
  });

  it('holds the activations of two evaluations', () => {
    const small = { ...preset('small'), batch: 512, secondFeatures: 'vgg16-bn' as const };
    const parts = (nfe: 1 | 2) => fitMicroBatch({ ...small, nfe }, 64, 'wasm').microBatch;
    expect(parts(2)).toBeGreaterThan(0);
    expect(parts(2)).toBeLessThan(parts(1));
  });

  it('is not what runs of before made: they do not say their steps', () => {
    const { nfe: _, sigmaMid: __, ...old } = preset('small');
    expect(savedConfig(old)).toEqual(preset('small'));
    expect(studentSampling(savedConfig(old)).sigmaMid).toBeNull();
  });

  it('that a run goes on from decides how its images are made', () => {
    const base = preset('small');
    expect(studentSampling(base)).toEqual({ sigma: 2.5, sigmaMid: null });
    const on = { ...base, ...samplingConfig({ sigma: 80, sigmaMid: 1 }, base) };
    expect(studentSampling(on)).toEqual({ sigma: 80, sigmaMid: 1 });
  });
});
