import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { Adam } from '../../src/distil/adam';
import { AdversarialStep } from '../../src/distil/adversarial-step';
import { type DistilConfig, preset } from '../../src/distil/config';
import type { OnStage, StepKind } from '../../src/distil/executor';
import { RandomStream } from '../../src/distil/random';
import '../../src/nn/tf/gradients';

/** D and G of one number each: every value of a step has a closed form. */

beforeAll(async () => {
  await openBackend('cpu');
});

const [RATE_G, RATE_D, SIGMA] = [0.1, 0.2, 2.5];
const softplus = (x: number) => Math.log1p(Math.exp(x));
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const BATCH = 4;
/** Images of four values: a stream draws four at a time. */
const SHAPE: [number, number, number, number] = [BATCH, 1, 1, 4];
const REAL = Array.from({ length: 16 }, (_, i) => Math.sin(3 * i) + 0.4);

function players(shareFakes: boolean, microBatch: number) {
  const config: DistilConfig = {
    ...preset('small'),
    clipFakes: false,
    batch: BATCH,
    shareFakes,
    microBatch,
    startSigma: SIGMA,
    seed: 7,
  };
  const g = tf.variable(tf.scalar(1.5));
  const w = tf.variable(tf.scalar(0.3));
  const asked: number[] = [];
  const denoiser = {
    forward(x: tf.Tensor4D, sigmas: readonly number[]) {
      asked.push(...sigmas);
      return tf.mul(x, g);
    },
  };
  const discriminator = {
    advance: () => new Map(),
    release: () => {},
    look: (x: tf.Tensor4D) => [tf.clone(x)],
    logits: ([maps]: tf.Tensor4D[]) => [tf.mul(tf.reshape(maps!, [-1, 4]), w)],
  };
  const step = new AdversarialStep({
    config,
    denoiser: denoiser as never,
    discriminator: discriminator as never,
    generatorSide: { variables: new Map([['g', g]]), adam: new Adam(RATE_G) },
    discriminatorSide: { variables: new Map([['w', w]]), adam: new Adam(RATE_D) },
  });
  const values = async () => ({ g: (await g.data())[0]!, w: (await w.data())[0]! });
  return { step, values, asked };
}

const run = (step: AdversarialStep, kind: StepKind = 'both') => {
  const real = tf.tensor4d(REAL, SHAPE);
  return step.run({ iteration: 3, real, labels: null, kind, withR1: false }).finally(() => real.dispose());
};
const noise = (stream: 'generatorNoise' | 'discriminatorNoise') =>
  [...new RandomStream(7, stream, 3).normals(4 * BATCH)].map((z) => z * SIGMA);
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const lossD = (w: number, fakes: number[]) =>
  mean(fakes.map((x) => softplus(w * x))) + mean(REAL.map((x) => softplus(-w * x)));
/** Adam's first step is the sign of the gradient, times the rate. */
const signD = (w: number, fakes: number[]) =>
  Math.sign(mean(fakes.map((x) => sigmoid(w * x) * x)) - mean(REAL.map((x) => sigmoid(-w * x) * x)));
const signG = (g: number, w: number, z: number[]) =>
  Math.sign(-mean(z.map((v) => sigmoid(-w * g * v) * w * v)));

describe.each([0, 2])('in parts of %i (0: the whole batch)', (microBatch) => {
  it('shared fakes: the discriminator first, then the generator against the updated one', async () => {
    const { step, values, asked } = players(true, microBatch);
    const found = await run(step);
    const z = noise('generatorNoise');
    const fakes = z.map((v) => 1.5 * v);
    const w = 0.3 - RATE_D * signD(0.3, fakes);
    expect(found.lossD).toBeCloseTo(lossD(0.3, fakes), 5);
    expect(found.lossG).toBeCloseTo(mean(fakes.map((x) => softplus(-w * x))), 5);
    const after = await values();
    expect(after.w).toBeCloseTo(w, 5);
    expect(after.g).toBeCloseTo(1.5 - RATE_G * signG(1.5, w, z), 5);
    expect(new Set(asked)).toEqual(new Set([SIGMA]));
  });

  it('fresh noise for each: the generator first, then the discriminator against the updated one', async () => {
    const { step, values } = players(false, microBatch);
    const found = await run(step);
    const z = noise('generatorNoise');
    const g = 1.5 - RATE_G * signG(1.5, 0.3, z);
    expect(found.lossG).toBeCloseTo(mean(z.map((v) => softplus(-0.3 * 1.5 * v))), 5);
    const fakes = noise('discriminatorNoise').map((v) => g * v);
    expect(found.lossD).toBeCloseTo(lossD(0.3, fakes), 5);
    const after = await values();
    expect(after.g).toBeCloseTo(g, 5);
    expect(after.w).toBeCloseTo(0.3 - RATE_D * signD(0.3, fakes), 5);
  });

  it('tells every stage, and ends at the last one', async () => {
    for (const shareFakes of [true, false])
      for (const [kind, each] of [
        ['both', 3],
        ['discriminator', 2],
        ['generator', 1],
      ] as const) {
        const told: [number, number][] = [];
        const { step } = players(shareFakes, microBatch);
        const real = tf.tensor4d(REAL, SHAPE);
        const onStage: OnStage = (_, done, total) => told.push([done, total]);
        await step.run({ iteration: 0, real, labels: null, kind, withR1: false, onStage });
        const total = each * (microBatch ? BATCH / microBatch : 1);
        expect(told).toEqual(Array.from({ length: total }, (_, i) => [i, total]));
        real.dispose();
      }
  });

  it('leaves nothing behind', async () => {
    const { step } = players(true, microBatch);
    await run(step); // makes the moments
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) await run(step);
    expect(tf.memory().numTensors).toBe(before);
  });
});
