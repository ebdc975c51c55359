import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { openBackend } from '../../cli/backend';
import { peakBytes } from '../../src/gpu/peak-memory';

beforeAll(async () => {
  await openBackend('wasm');
});

const KILO = 1000 * 4;

test('counts what is alive at one time, and shared data once', async () => {
  const kept = tf.zeros([1000]);
  const before = tf.memory().numBytes;
  const { value, bytes } = await peakBytes(async () => {
    const a = tf.ones([1000]);
    const views = [tf.reshape(a, [10, 100]), tf.reshape(a, [100, 10])]; // the same thousand numbers
    const b = tf.add(a, 1);
    tf.dispose([a, ...views]);
    const c = tf.mul(b, 2);
    tf.dispose([b, c]);
    return 7;
  });
  expect(value).toBe(7);
  expect(bytes - before).toBeGreaterThanOrEqual(2 * KILO);
  expect(bytes - before).toBeLessThan(2.1 * KILO);
  kept.dispose();
});

test('what goes during the task and was there before makes room', async () => {
  const old = tf.zeros([1000]);
  const before = tf.memory().numBytes;
  const { bytes } = await peakBytes(async () => {
    old.dispose();
    tf.ones([1000]).dispose();
  });
  expect(bytes).toBeLessThan(before + 0.1 * KILO);
});

test('leaves tfjs as it was, also after an error', async () => {
  await expect(peakBytes(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  const { numBytes } = tf.memory();
  const t = tf.ones([10]);
  expect(tf.memory().numBytes).toBe(numBytes + 40);
  t.dispose();
  expect(tf.memory().numBytes).toBe(numBytes);
});
