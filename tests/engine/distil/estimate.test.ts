import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { openBackend } from '../../../cli/backend';
import { fileSource } from '../../../cli/files';
import type { Dataset } from '../../../src/data';
import { preset } from '../../../src/distil/config';
import { measureSteps } from '../../../src/engine/distil/estimate';
import { DistilRun } from '../../../src/engine/distil/run';
import { openModel } from '../../../src/engine/models/open-model';
import type { DistilRequest } from '../../../src/protocol/distil';
import { FIXTURES } from '../../support/fixtures';

beforeAll(async () => {
  await openBackend('wasm');
});

const teacher = openModel(fileSource(join(FIXTURES, 'parity', 'ddpmpp-skip-16-vp.pkl')));
const data: Dataset = {
  name: 'grey',
  size: 16,
  labelDim: 0,
  classes: null,
  resolution: 16,
  channels: 3,
  read: async () => ({ pixels: new Uint8Array(768).fill(128), label: null }),
  label: () => null,
  imagesRead: 0,
  notes: [],
  sizes: [],
  skipped: [],
};
const config = { ...preset('small-encoder'), batch: 12, images: 100, headWidth: 8 };
const noFeatures = () => Promise.reject(new Error('no features are needed'));

it('foretells the memory of a step of the run from smaller ones', async () => {
  const estimate = await measureSteps(
    { config, measureImages: 0 } as DistilRequest,
    { teacher, student: null, data },
    {
      backend: () => ({ name: 'wasm', label: '1 thread' }),
      recordedSteps: () => undefined,
      data: { feature: noFeatures },
    } as unknown as Parameters<typeof measureSteps>[2],
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
