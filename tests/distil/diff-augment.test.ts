import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { diffAugment, drawAugmentation } from '../../src/distil/diff-augment';
import { RandomStream } from '../../src/distil/random';
import '../../src/nn/tf/gradients';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';

/** Against plain PyTorch (tests/fixtures/make_augment.py): numbers, values and gradients. */
const golden = readGolden(join(FIXTURES, 'method/augment.golden.safetensors'));
const BACKENDS = process.env.INNATE_TEST_BACKENDS?.split(',') ?? ['wasm', 'cpu'];
const CASES = [...new Set(golden.names().map((name) => name.split('.')[0]!))];

describe.each(BACKENDS as ('wasm' | 'cpu' | 'webgpu')[])('DiffAugment on %s', (backend) => {
  it.each(CASES)('%s images', async (name) => {
    await openBackend(backend);
    const [n, channels, height, width] = golden.shape(`${name}.images`) as [number, number, number, number];
    const shape: [number, number, number, number] = [n, height, width, channels];
    const numbers = drawAugmentation(new RandomStream(5, 'augment', 8), shape);
    expect(Object.values(numbers).flatMap((values) => [...values])).toEqual([
      ...golden.float(`${name}.numbers`),
    ]);
    const drawn = (seed: number) =>
      tf.tensor4d(
        new RandomStream(seed, 'featureNoise', 0)
          .uniforms(n * channels * height * width)
          .map((u) => 2 * u - 1),
        shape,
      );
    const [x, cotangent] = [drawn(77), drawn(78)];
    const held = tf.memory().numTensors;
    const published = async (t: tf.Tensor) =>
      (await tf.tidy(() => tf.transpose(t, [0, 3, 1, 2])).data()) as Float32Array;
    const y = tf.tidy(() => diffAugment(x, numbers));
    const dx = tf.grad((input: tf.Tensor) =>
      tf.sum(tf.mul(diffAugment(input as tf.Tensor4D, numbers), cotangent)),
    )(x);
    expect(tf.memory().numTensors).toBe(held + 2);
    expect(maxError(await published(y), golden.float(`${name}.images`))).toBeLessThan(2e-6);
    expect(maxError(await published(dx), golden.float(`${name}.gradient`))).toBeLessThan(2e-6);
    tf.dispose([x, cotangent, y, dx]);
  });
});
