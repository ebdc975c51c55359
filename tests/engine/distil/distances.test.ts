import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, it } from 'vitest';
import { openBackend } from '../../../cli/backend';
import { fileSource } from '../../../cli/files';
import { preset, studentSampling } from '../../../src/distil/config';
import { RunDistances } from '../../../src/engine/distil/distances';
import { openModel } from '../../../src/engine/models/open-model';
import { FIXTURES } from '../../support/fixtures';
import { imageSet } from '../../support/image-set';
import { smallResNet } from '../../support/small-resnet';

const SIDE = 16;
const teacher = openModel(fileSource(join(FIXTURES, 'parity/ncsnpp-16-grey-ve.pkl')), {});
const data = (size: number) =>
  imageSet({ size, resolution: SIDE, channels: 1 }, (i) =>
    Uint8Array.from({ length: SIDE ** 2 }, (_, at) => (31 * i + 7 * at * (i + 1)) % 256),
  );
const distances = (size: number) =>
  new RunDistances(
    { teacher, data: data(size) } as never,
    4,
    studentSampling(preset('small')),
    async () => smallResNet(),
    () => {},
  );

beforeAll(async () => {
  await openBackend('wasm');
});

it('the feature network is on the device from the first distance on until the device is left, and comes back', async () => {
  const before = tf.memory().numTensors;
  const of = distances(12);
  const told: number[] = [];
  await of.on(1, ({ floor }) => told.push(floor));
  const held = tf.memory().numTensors;
  expect(held).toBeGreaterThan(before);
  of.release(1);
  expect(tf.memory().numTensors).toBe(before);
  await (await of.on(2, ({ floor }) => told.push(floor))).measure(new Float32Array(4 * SIDE ** 2), 1, SIDE);
  expect(tf.memory().numTensors).toBe(held);
  of.release(2);
  expect(tf.memory().numTensors).toBe(before);
  expect(told).toHaveLength(1); // what real images give is found once
});

it('a set of too few images leaves no network behind', async () => {
  const before = tf.memory().numTensors;
  await expect(distances(3).on(1, () => {})).rejects.toThrow('too few images');
  expect(tf.memory().numTensors).toBe(before);
});
