import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { openBackend } from '../../../cli/backend';
import { fileSource } from '../../../cli/files';
import { type DistilConfig, preset } from '../../../src/distil/config';
import { measureSteps } from '../../../src/engine/distil/estimate';
import { DistilRun } from '../../../src/engine/distil/run';
import { openFeatureFile } from '../../../src/engine/models/feature-file';
import { openModel } from '../../../src/engine/models/open-model';
import type { DistilRequest } from '../../../src/protocol/distil';
import { FIXTURES } from '../../support/fixtures';
import { imageSet } from '../../support/image-set';

beforeAll(async () => {
  await openBackend('wasm');
});

const teacher = openModel(fileSource(join(FIXTURES, 'parity', 'ddpmpp-skip-16-vp.pkl')));
const data = imageSet({ size: 16, resolution: 16, channels: 3 }, () => new Uint8Array(768).fill(128));
const config = { ...preset('small-encoder'), batch: 12, images: 100, headWidth: 8 };
const services = {
  backend: () => ({ name: 'wasm', label: '1 thread' }),
  recordedSteps: () => undefined,
  data: { feature: () => Promise.reject(new Error('no features are needed')) },
} as unknown as Parameters<typeof measureSteps>[2];
const noFeatures = () => Promise.reject(new Error('no features are needed'));

it('foretells the memory of a step of the run from smaller ones', async () => {
  const estimate = await measureSteps(
    { config, measureImages: 0 } as DistilRequest,
    { teacher, student: null, data },
    services,
  );

  const before = tf.memory().numBytes;
  const run = await DistilRun.start({
    teacher,
    data,
    config,
    features: noFeatures,
    backend: 'wasm',
    measureImages: 0,
    measureEvery: 0,
  });
  await run.step();
  const held = tf.memory().numBytes - before;
  await run.step();
  const peak = run.peakBytes - before;
  run.dispose();

  expect(estimate.measuredImages).toBe(4);
  expect(estimate.heldBytes / held).toBeCloseTo(1, 2);
  const foretold = estimate.fixedBytes + 12 * estimate.bytesPerImage;
  expect(foretold / peak).toBeGreaterThan(0.97);
  expect(foretold / peak).toBeLessThan(1.03);
  expect(foretold).toBeGreaterThan(3 * held); // a step is not what lies between two
});

it('counts a second feature network, and the step that has R1', async () => {
  const { weights } = openFeatureFile(fileSource(join(FIXTURES, 'method', 'vgg16-bn.legacy.pth')));
  const lazy: DistilConfig = { ...config, secondFeatures: 'vgg16-bn', featureSize: 32, r1Gamma: 1e-4 };
  const before = tf.memory().numBytes;
  const run = await DistilRun.start({
    teacher,
    data,
    config: { ...lazy, r1Every: 1 },
    features: noFeatures,
    secondFeatures: weights,
    backend: 'wasm',
    measureImages: 0,
    measureEvery: 0,
  });
  await run.step();
  await run.step(); // has R1
  const peak = run.peakBytes - before;
  run.dispose();

  const foretold = async (of: DistilConfig) => {
    const request = { config: of, measureImages: 0 } as DistilRequest;
    const second = of.secondFeatures !== 'none' && { secondFeatures: weights };
    const { fixedBytes, bytesPerImage } = await measureSteps(
      request,
      { teacher, student: null, data, ...second },
      services,
    );
    return fixedBytes + 12 * bytesPerImage;
  };
  const whole = await foretold(lazy);
  expect(whole / peak).toBeGreaterThan(0.97);
  expect(whole / peak).toBeLessThan(1.03);
  expect(whole).toBeGreaterThan(1.02 * (await foretold({ ...lazy, secondFeatures: 'none' })));
});
