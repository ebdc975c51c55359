import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { fileSource } from '../../cli/files';
import { Adam } from '../../src/distil/adam';
import { PRESETS, preset, savedConfig } from '../../src/distil/config';
import { checkConfig } from '../../src/distil/config-checks';
import { Discriminator } from '../../src/distil/discriminator';
import { averageShare, EMA } from '../../src/distil/ema';
import { frozenBy, trainedBy } from '../../src/distil/freeze';
import { discriminatorLoss, generatorLoss } from '../../src/distil/losses';
import { accumulate, microBatches } from '../../src/distil/micro-batch';
import { RandomStream } from '../../src/distil/random';
import { fromTensor, TrainableParameters } from '../../src/distil/trainable';
import { openModel } from '../../src/engine/models/open-model';
import '../../src/nn/tf/gradients';
import { compareToReal, frechetDistance } from '../../src/measure/frechet';
import { featureStatistics } from '../../src/measure/moments';
import { parameterSpecs } from '../../src/nn/parameters';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';

beforeAll(async () => {
  await openBackend('wasm');
});

describe.each(['mini-ncsnpp-16-cond', 'mini-adm-16-cond'])('%s', (name) => {
  const golden = readGolden(join(FIXTURES, 'mini', `${name}.golden.safetensors`));
  const { config, weights } = openModel(fileSource(join(FIXTURES, 'mini', `${name}.pkl`)));

  it('GDD-I freezes exactly the published parameters, and GDD trains them all', () => {
    const frozen = JSON.parse(golden.metadata.get('gdd_i_frozen')!) as string[];
    expect(frozenBy(1, config.unet).sort()).toEqual([...frozen].sort());
    const values = (names: string[]) =>
      names.reduce((sum, n) => sum + weights.shape(n)!.reduce((a, b) => a * b, 1), 0);
    expect(values(frozen)).toBe(Number(golden.metadata.get('gdd_i_frozen_params')));
    const trains = trainedBy({ method: 'gdd', freeze: null }, config.unet);
    expect(frozen.every(trains)).toBe(true);
    if (config.unet.embeddingType === 'fourier') expect(trains('model.map_noise.freqs')).toBe(false);
  });

  it('one Adam step on the golden gradients equals PyTorch', async () => {
    const after = readGolden(join(FIXTURES, 'mini', `${name}.adam_step.safetensors`));
    const trains = trainedBy({ method: 'gdd-i', freeze: null }, config.unet);
    const names = parameterSpecs(config.unet)
      .filter((s) => !s.buffer)
      .map((s) => s.name);
    const parameters = new TrainableParameters(weights, names, trains);
    const gradients = new Map(
      [...parameters.variables().keys()].map((n) => [n, parameters.toBackend(n, golden.float(`grad.${n}`))]),
    );
    const adam = new Adam(1e-4);
    adam.apply(parameters.variables(), gradients);
    for (const n of parameters.variables().keys())
      expect(maxError(await parameters.fetch(n), after.float(`after.${n}`)), n).toBeLessThanOrEqual(1e-6);
    for (const n of frozenBy(1, config.unet)) expect(await parameters.fetch(n)).toEqual(weights.read(n));
    tf.dispose([...gradients.values()]);
    adam.dispose();
    parameters.dispose();
  });
});

describe('Adam', () => {
  it('sanitises gradients as the public code does: NaN to 0, infinities to 1e5', async () => {
    const variable = tf.variable(tf.tensor1d([1, 2, 3]));
    const adam = new Adam(0.1);
    const bad = tf.tensor1d([Number.NaN, Number.POSITIVE_INFINITY, 1]);
    adam.apply(new Map([['x', variable]]), new Map([['x', bad]]));
    const [a, b, c] = await variable.data();
    expect(a).toBe(1);
    expect(b).toBeCloseTo(1.9, 4);
    expect(c).toBeCloseTo(2.9, 4);
    tf.dispose([variable, bad]);
    adam.dispose();
  });
  it('leaves large finite gradients as they are, as torch.nan_to_num does', async () => {
    const variable = tf.variable(tf.tensor1d([0]));
    const adam = new Adam(0.1);
    for (const g of [1, 1e6]) adam.apply(new Map([['x', variable]]), new Map([['x', tf.tensor1d([g])]]));
    const second = (0.99 * 0.01 * 1 + 0.01 * 1e12) / (1 - 0.99 ** 2);
    expect((await variable.data())[0]).toBeCloseTo(-0.1 - (0.1 * 1e6) / Math.sqrt(second), 4);
    variable.dispose();
    adam.dispose();
  });
});

describe('EMA', () => {
  it('ramps its half-life up with the images seen', async () => {
    const variable = tf.variable(tf.scalar(0));
    const variables = new Map([['x', variable]]);
    const ema = new EMA(variables);
    const share = (seen: number, batch: number) =>
      averageShare({ emaHalfLife: 1000, emaRampUp: 0.05, batch }, seen);
    variable.assign(tf.scalar(1));
    ema.update(variables, share(0, 32)); // nothing seen: the average follows at once
    expect((await ema.averages.get('x')!.data())[0]).toBeCloseTo(1, 6);
    variable.assign(tf.scalar(0));
    ema.update(variables, share(640, 32)); // half-life 32 images
    expect((await ema.averages.get('x')!.data())[0]).toBeCloseTo(0.5, 6);
    ema.update(variables, share(1e6, 1000)); // at its limit
    expect((await ema.averages.get('x')!.data())[0]).toBeCloseTo(0.25, 6);
    ema.dispose();
    variable.dispose();
  });
});

describe('losses', () => {
  it('are softplus means, per scale or over all logits', async () => {
    const logits = [tf.tensor2d([[0, 2]]), tf.tensor2d([[-1]])];
    const softplus = (x: number) => Math.log1p(Math.exp(x));
    const mean = { lossType: 'ns', batch: 8, batchGpu: 0 } as const;
    const g = generatorLoss(logits, mean).dataSync()[0]!;
    expect(g).toBeCloseTo((softplus(0) + softplus(-2)) / 2 + softplus(1), 5);
    const d = discriminatorLoss(logits, logits, mean).dataSync()[0]!;
    expect(d).toBeCloseTo((softplus(0) + softplus(2)) / 2 + softplus(-1) + g, 5);
    const huge = generatorLoss([tf.tensor2d([[-500]])], mean).dataSync()[0]!;
    expect(huge).toBeCloseTo(500, 3);
  });
  it('are sums over the images of a GPU where a published run has them, at most over the batch', () => {
    // Two images, one feature network: in the public code two entries, each the mean over its image's logits.
    const logits = tf.tensor2d([
      [0, 2],
      [-1, 3],
    ]);
    const softplus = (x: number) => Math.log1p(Math.exp(x));
    const sum = (softplus(0) + softplus(-2)) / 2 + (softplus(1) + softplus(-3)) / 2;
    const loss = (batch: number, batchGpu: number) =>
      generatorLoss([logits], { lossType: 'ns', batch, batchGpu }).dataSync()[0]!;
    expect(loss(2, 2)).toBeCloseTo(sum, 5);
    expect(loss(2, 64)).toBeCloseTo(sum, 5);
    expect(loss(256, 64)).toBeCloseTo(32 * sum, 3);
  });
  it('have a hinge', () => {
    const config = { lossType: 'hinge', batch: 8, batchGpu: 0 } as const;
    const logits = [tf.tensor2d([[-3, 0.5]])];
    expect(generatorLoss(logits, config).dataSync()[0]).toBeCloseTo(1.25, 5); // -(-3 + 0.5) / 2
    const d = discriminatorLoss(logits, [tf.tensor2d([[2, 0.25]])], config).dataSync()[0]!;
    expect(d).toBeCloseTo(1.5 / 2 + 0.75 / 2, 5);
  });
});

describe('micro-batches', () => {
  it('add up to the gradients of the whole batch, also when the last is smaller', async () => {
    const x = tf.tensor4d(new RandomStream(2, 'heads', 0).normals(5 * 4), [5, 2, 2, 1]);
    const w = tf.variable(tf.tensor1d([0.5, -1, 2, 0.1]));
    const loss = ({ real }: { real: tf.Tensor4D }) =>
      tf.mean(tf.square(tf.sum(tf.mul(tf.reshape(real, [-1, 4]), w), 1))) as tf.Scalar;
    const whole = accumulate(microBatches(x, null, 5), [w], () => [], loss);
    const parts = microBatches(x, null, 2);
    expect(parts.map((p) => p.real.shape[0])).toEqual([2, 2, 1]);
    const summed = accumulate(parts, [w], () => [], loss);
    const values = async (t: tf.Tensor) => (await t.data()) as Float32Array;
    expect(maxError(await values(summed.value), await values(whole.value))).toBeLessThan(1e-5);
    expect(maxError(await values(summed.grads[w.name]!), await values(whole.grads[w.name]!))).toBeLessThan(
      1e-5,
    );
    tf.dispose([x, w, whole, summed, parts.map((p) => p.real)]);
  });
});

describe('the discriminator', () => {
  it('keeps running statistics as PyTorch does, and its power vectors advance at every pass', async () => {
    const maps = [16, 8].map((size, i) =>
      tf.tensor4d(new RandomStream(9, 'heads', i).normals(4 * size * size * 3), [4, size, size, 3]),
    );
    const features = { channels: [3, 3], sizes: () => [16, 8], maps: () => maps.map((m) => tf.clone(m)) };
    const make = () => new Discriminator([features], { ...preset('paper-cifar10') }, 0);
    const discriminator = make();
    const before = await discriminator.buffers();
    const x = tf.zeros<tf.Rank.R4>([4, 8, 8, 3]);
    const state = discriminator.advance();
    const logits = tf.tidy(() =>
      discriminator.logits(discriminator.look(x, null, new RandomStream(0, 'featureNoise', 0)), state, null),
    );
    const after = await discriminator.buffers();
    expect([...before.keys()].filter((k) => k.endsWith('running_var')).length).toBeGreaterThan(1);
    for (const [name, values] of after) {
      const old = before.get(name)!;
      if (values.length > 1) expect(maxError(values, old), name).toBeGreaterThan(0); // a unit vector of one entry cannot move
      if (name.endsWith('running_var')) expect(values.every((v) => v >= 0.9)).toBe(true); // 0.9 * 1 + 0.1 * variance
    }
    const again = make();
    expect((await again.buffers()).get([...before.keys()].at(-1)!)).toEqual(
      before.get([...before.keys()].at(-1)!),
    );
    tf.dispose([maps, x, logits]);
    discriminator.release(state);
    discriminator.dispose();
    again.dispose();
  });
});

describe('presets', () => {
  it("hold the paper's numbers", () => {
    expect(preset('paper-cifar10')).toMatchObject({
      generatorRate: 1e-4,
      discriminatorRate: 1e-4,
      batch: 256,
      emaHalfLife: 500_000,
      r1Gamma: 1e-4,
      r1Every: 16,
      emaRampUp: 0.05,
      startSigma: 80,
      warmUp: 0,
      shareFakes: false,
      heads: 'paper',
      batchGpu: 64,
      lossType: 'ns',
      lossMean: 'all',
      images: 5_000_000,
      seed: 42,
      xFlip: false,
    });
    expect(preset('paper-faces')).toMatchObject({
      generatorRate: 2e-5,
      discriminatorRate: 4e-5,
      batch: 256,
      images: 10_000_000,
    });
    expect(preset('paper-imagenet')).toMatchObject({
      generatorRate: 8e-6,
      discriminatorRate: 4e-5,
      batch: 512,
      batchGpu: 128,
      emaHalfLife: 50_000_000,
      images: 10_000_000,
    });
    for (const name of Object.keys(PRESETS)) expect(() => checkConfig(preset(name))).not.toThrow();
  });
  it('of small batches start at sigma 2.5, warm up and average long', () => {
    for (const name of ['small', 'small-encoder'])
      expect(preset(name)).toMatchObject({
        startSigma: 2.5,
        warmUp: 1_600,
        shareFakes: true,
        emaHalfLife: 8_000,
        emaRampUp: 0.25,
        images: 10_000,
      });
  });
  it('of older runs are completed with what those ran with', () => {
    const paper = preset('paper-cifar10');
    const { startSigma: _, warmUp: __, batchGpu: ___, freeze: ____, lossType: _____, ...old } = paper;
    expect(savedConfig(old)).toEqual({ ...paper, startSigma: 80, warmUp: 0, batchGpu: 0 });
    expect(savedConfig(paper)).toEqual(paper);
  });
  it('refuse what would collapse or cannot train', () => {
    expect(() => checkConfig({ ...preset('paper-cifar10'), batch: 32 })).toThrow(/collapse/);
    expect(() => checkConfig({ ...preset('small'), generatorRate: 0 })).toThrow(/usable/);
    expect(() => checkConfig({ ...preset('small'), startSigma: 0 })).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ where: 'startSigma' }) }),
    );
    expect(() => checkConfig({ ...preset('small'), warmUp: -1 })).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ where: 'warmUp' }) }),
    );
    expect(() => preset('toString')).toThrow(/no such preset/);
  });
});

describe('random streams', () => {
  it('depend on seed, purpose, iteration and index only', () => {
    const a = new RandomStream(5, 'generatorNoise', 7).normals(1000);
    expect(new RandomStream(5, 'generatorNoise', 7).normals(1000)).toEqual(a);
    for (const other of [
      new RandomStream(6, 'generatorNoise', 7),
      new RandomStream(5, 'r1', 7),
      new RandomStream(5, 'generatorNoise', 8),
    ])
      expect(other.normals(1000)).not.toEqual(a);
    const many = new RandomStream(1, 'classes', 0).normals(40_000);
    const variance = many.reduce((s, v) => s + v * v, 0) / many.length;
    expect(Math.abs(variance - 1)).toBeLessThan(0.03);
  });
});

describe('Frechet distance', () => {
  const gaussian = (mean: number, std: number, n: number, seed: number) =>
    new RandomStream(seed, 'heads', 0).normals(n * 4).map((z) => mean + std * z);
  it('has its closed form on Gaussians, and is zero on itself', () => {
    const a = featureStatistics(gaussian(0, 1, 20_000, 1), 4);
    const b = featureStatistics(gaussian(1, 2, 20_000, 2), 4);
    // d^2 = 4 dims * ((1 - 0)^2 + (2 - 1)^2)
    expect(frechetDistance(a, b)).toBeGreaterThan(7.6);
    expect(frechetDistance(a, b)).toBeLessThan(8.4);
    expect(Math.abs(frechetDistance(a, a))).toBeLessThan(1e-6);
  });
  it('has an error bar and sees a collapse', () => {
    const real = featureStatistics(gaussian(0, 1, 4000, 3), 4);
    const varied = compareToReal(gaussian(0, 1, 400, 4), 4, real);
    expect(varied.spread).toBeGreaterThan(0.8);
    expect(varied.error).toBeGreaterThan(0);
    const collapsed = compareToReal(gaussian(0.5, 0.01, 400, 5), 4, real);
    expect(collapsed.spread).toBeLessThan(0.01);
    expect(collapsed.value).toBeGreaterThan(varied.value);
  });
});

it('published layout survives the way to the back-end and back', async () => {
  const values = Float32Array.from({ length: 2 * 3 * 3 * 3 }, (_, i) => i);
  const source = { shape: () => [2, 3, 3, 3], read: () => values };
  const parameters = new TrainableParameters(source, ['w'], () => true);
  expect(await parameters.fetch('w')).toEqual(values);
  expect(fromTensor(parameters.get('w').dataSync() as Float32Array, [2, 3, 3, 3])).toEqual(values);
  parameters.dispose();
});
