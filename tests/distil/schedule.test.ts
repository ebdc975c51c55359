import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitMicroBatch } from '../../src/distil/batch-memory';
import { preset } from '../../src/distil/config';
import { distancesDue, referenceImages, samplingsDue } from '../../src/distil/schedule';

test('distances fall due early, then regularly, and once at the end', () => {
  const due: number[] = [];
  for (let seen = 0; seen < 10_000; seen += 32)
    if (distancesDue(seen, seen + 32, 625, 10_000) > 0) due.push(seen + 32);
  expect(due.slice(0, 6)).toEqual([96, 160, 320, 640, 1_280, 1_888]);
  expect(due.at(-1)).toBe(10_016);
  expect(distancesDue(0, 320, 0, 1_000)).toBe(0); // at the end alone
  expect(distancesDue(968, 1_000, 0, 1_000)).toBe(1);
  expect(distancesDue(1_000, 1_032, 100, 1_000)).toBe(0); // it is over
});

test('the whole costs what its parts do', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 64 }),
      fc.integer({ min: 1, max: 500 }),
      fc.integer({ min: 1, max: 2_000 }),
      (batch, every, images) => {
        let sum = 0;
        for (let seen = 0; seen < images; seen += batch)
          sum += distancesDue(seen, seen + batch, every, images);
        expect(sum).toBe(distancesDue(0, images, every, images));
      },
    ),
  );
});

test('samplings and references', () => {
  expect(samplingsDue(0, 313, 2)).toBe(156);
  expect(samplingsDue(3, 4, 2)).toBe(1);
  expect([64, 128, 500, 5_000].map(referenceImages)).toEqual([500, 512, 2_000, 2_000]);
});

test('on WebAssembly a batch is taken in equal parts that fit, by what the features take', () => {
  const part = (name: string, resolution: number, changes = {}) =>
    fitMicroBatch({ ...preset(name), ...changes }, resolution, 'wasm').microBatch;
  const all = { microBatch: 0, batchGpu: 0 };
  expect(part('small-encoder', 32)).toBe(0); // the whole batch
  expect(part('small', 64)).toBe(0);
  // A GAN is recomputed first; what follows the teacher image by image loses nothing in parts.
  expect(part('small', 64, { batch: 256 })).toBe(0);
  expect(part('small', 64, { batch: 512 })).toBe(256);
  expect(part('small', 64, { batch: 512, method: 'imitation', instanceLoss: 'lite0' })).toBe(128);
  expect(part('small', 64, { batch: 256, r1Gamma: 1 })).toBe(128);
  expect(part('small', 64, { batch: 256, microBatch: 5 })).toBe(5); // as asked for
  expect(part('small', 512)).toBe(8);
  expect(part('small', 2048)).toBe(2);
  // A second feature network takes more than the first, and its weights.
  expect(part('small', 32, { batch: 256, secondFeatures: 'vgg16-bn' })).toBe(128);
  expect(part('small', 32, { batch: 256, secondFeatures: 'vgg16-bn', method: 'imitation' })).toBe(0);
  expect(part('paper-cifar10', 32, { ...all, featureSize: 128 })).toBe(128); // 182 fit
  expect(part('paper-cifar10', 32, { ...all, featureSize: 128, secondFeatures: 'vgg16-bn' })).toBe(32); // 36
  expect(part('paper-cifar10', 32, { ...all, featureSize: 128, secondFeatures: 'deit-distilled' })).toBe(43); // 47
  // R1 holds no student, but more of features and heads.
  expect(part('small', 64, { batch: 400, featureSize: 256, r1Gamma: 1 })).toBe(67); // 69
  expect(part('small', 32, { batch: 400, featureSize: 256, r1Gamma: 1 })).toBe(67); // 77
  expect(fitMicroBatch(preset('small'), 64, 'webgpu').microBatch).toBe(0);
});
