import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, test } from 'vitest';
import { fileSource } from '../../../cli/files';
import { inputBatch } from '../../../src/engine/inference/inputs';
import { sampleImages, seedBatch } from '../../../src/engine/inference/sampling';
import { openModel } from '../../../src/engine/models/open-model';
import { Denoiser, labelRows } from '../../../src/nn/denoiser';
import { PlannedDenoiser } from '../../../src/nn/plan/planned-denoiser';
import { defaultSampling } from '../../../src/nn/samplers';
import type { WeightSource } from '../../../src/nn/weights';
import { seedClass, seedNoise } from '../../../src/rng/seeds';
import { openReference } from '../../plan/reference-executor';
import { FIXTURES, maxError } from '../../support/fixtures';

beforeAll(() => tf.setBackend('cpu'));

const NETWORKS = ['mini-ncsnpp-16-cond', 'mini-adm-16-cond'] as const;
const open = (name: string) => openModel(fileSource(join(FIXTURES, 'mini', `${name}.pkl`)));
const ONE_STEP = defaultSampling(16);

describe('what the images of a request are made of', () => {
  const { config } = open(NETWORKS[0]);
  const { labelDim, inChannels, imgResolution } = config.unet;
  const size = inChannels * imgResolution ** 2;

  test('as without anything of their own they are what seeds mean', () => {
    const seeds = [0, 7, 3.5];
    expect(inputBatch(config, { seeds, classIndex: null })).toEqual(seedBatch(config, seeds, null));
    expect(inputBatch(config, { seeds, classIndex: 2 }, [2, 0])).toEqual(seedBatch(config, [3.5, 0], 2));
  });

  test('temperature multiplies the noise, of all images or of one', () => {
    const inputs = { seeds: [5, 6], classIndex: null, temperature: 0.5, own: [null, { temperature: 0 }] };
    const { latents } = inputBatch(config, inputs);
    expect(latents.subarray(0, size)).toEqual(seedNoise(5, size).map((z) => z * 0.5));
    expect(latents.subarray(size).every((z) => z === 0)).toBe(true);
  });

  test('an image may have noise, class and mix of its own', () => {
    const values = seedNoise(123, size);
    const inputs = {
      seeds: [5, 6, 7],
      classIndex: 1,
      mix: [{ index: 2, weight: 0.25 }],
      own: [
        null,
        { classIndex: null, mix: [] },
        { noise: { kind: 'latent' as const, values }, classIndex: 0 },
      ],
    };
    const { latents, classes, vectors } = inputBatch(config, inputs);
    expect(latents.subarray(2 * size)).toEqual(values);
    expect([...classes!]).toEqual([1, 1, 0]);
    const rows = [0, 1, 2].map((n) => [...vectors!.subarray(n * labelDim, (n + 1) * labelDim)]);
    const row = (weights: Record<number, number>) =>
      Array.from({ length: labelDim }, (_, k) => weights[k] ?? 0);
    expect(rows).toEqual([row({ 1: 0.75, 2: 0.25 }), row({ 1: 1 }), row({ 0: 0.75, 2: 0.25 })]);
  });

  test('a class of the seed is mixed too, and a class that does not exist is refused', () => {
    const own = seedClass(9, labelDim);
    const other = (own + 1) % labelDim;
    const { vectors } = inputBatch(config, {
      seeds: [9],
      classIndex: null,
      mix: [{ index: other, weight: 0.4 }],
    });
    expect([vectors![own], vectors![other]]).toEqual([Math.fround(0.6), Math.fround(0.4)]);
    expect(() =>
      inputBatch(config, { seeds: [9], classIndex: 0, mix: [{ index: labelDim, weight: 0.4 }] }),
    ).toThrow('no such class');
    const plain = { ...config, unet: { ...config.unet, labelDim: 0 } };
    expect(() =>
      inputBatch(plain, { seeds: [9], classIndex: null, mix: [{ index: 0, weight: 0.4 }] }),
    ).toThrow('this network has no classes');
  });
});

/**
 * The plain definition of a mix: the class enters through one linear layer without a bias, so a mix of classes is a class
 * whose column of that layer is the weighted sum of theirs.
 */
function withMixedClass(
  source: WeightSource,
  labelDim: number,
  shares: readonly (readonly [number, number])[],
): WeightSource {
  return {
    ...source,
    read(name) {
      const values = source.read(name);
      if (name !== 'model.map_label.weight') return values;
      const mixed = values.slice(); // [dim, labelDim]
      for (let row = 0; row < mixed.length; row += labelDim)
        mixed[row] = shares.reduce((sum, [k, weight]) => sum + weight * values[row + k]!, 0);
      return mixed;
    },
  };
}

describe.each(NETWORKS)('images of mixed classes of %s', (name) => {
  const { config, weights } = open(name);
  const { labelDim } = config.unet;
  const inputs = { seeds: [1], classIndex: 1, mix: [{ index: 2, weight: 0.35 }] };
  const shares = [
    [1, 0.65],
    [2, 0.35],
  ] as const;

  test('are those of a class that is the weighted sum, op by op and as a plan', async () => {
    const defined = Denoiser.open(config, withMixedClass(weights, labelDim, shares));
    const wanted = await sampleImages(defined, inputBatch(config, { seeds: [1], classIndex: 0 }), ONE_STEP);
    const batch = inputBatch(config, inputs);
    const eager = await sampleImages(Denoiser.open(config, weights), batch, ONE_STEP);
    const planned = await PlannedDenoiser.open(config, weights, openReference);
    const images = await sampleImages(planned, batch, ONE_STEP);
    const pure = await sampleImages(planned, inputBatch(config, { seeds: [1], classIndex: 1 }), ONE_STEP);
    expect(maxError(eager, wanted)).toBeLessThan(2e-5);
    expect(maxError(images, wanted)).toBeLessThan(1e-4);
    expect(maxError(images, pure)).toBeGreaterThan(1e-3); // it is no single class
  });

  test('a mix of one class is that class, to the bit', () => {
    const all = inputBatch(config, { ...inputs, mix: [{ index: 2, weight: 1 }] });
    expect(labelRows({ rows: all.vectors! }, labelDim)).toEqual(labelRows([2], labelDim));
  });
});
