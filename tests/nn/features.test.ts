import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { fileSource } from '../../cli/files';
import { checkpointWeights } from '../../src/engine/models/weights';
import { readSafetensors } from '../../src/formats/safetensors';
import type { BackendName } from '../../src/lib/backends';
import { toNCHW, toNHWC } from '../../src/nn/denoiser';
import { CifarResNet } from '../../src/nn/features/cifar-resnet';
import { EfficientNetLite0 } from '../../src/nn/features/efficientnet-lite0';
import { FrozenLayers } from '../../src/nn/features/frozen';
import { MobileNetV1 } from '../../src/nn/features/mobilenet-v1';
import '../../src/nn/tf/gradients';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';

/** The shipped feature networks against PyTorch's with the same (float16-rounded) weights. */
const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',') as BackendName[];
const golden = readGolden(join(FIXTURES, 'parity/features.golden.safetensors'));
const weights = (name: string) =>
  checkpointWeights(
    readSafetensors(fileSource(join(import.meta.dirname, `../../public/features/${name}.safetensors`))),
  );

const nhwc = (name: string): tf.Tensor4D => {
  const [n, c, h, w] = golden.shape(name) as [number, number, number, number];
  return tf.tensor4d(toNHWC(golden.float(name), n, c, h * w), [n, h, w, c]);
};

async function close(found: tf.Tensor, name: string): Promise<void> {
  const expected = golden.float(name);
  const values = (await found.data()) as Float32Array;
  const [n, h, w, c] = found.shape as [number, number, number, number];
  const published = found.rank === 4 ? toNCHW(values, n, c, h * w) : values;
  const scale = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  expect(maxError(published, expected), name).toBeLessThanOrEqual(2e-5 * scale);
}

describe.each(backends)('%s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });
  afterAll(() => expect(tf.memory().numTensors).toBe(0));

  it('EfficientNet-Lite0: maps, and the gradient that a generator gets', async () => {
    const net = new EfficientNetLite0(weights('efficientnet-lite0'), 64);
    const images = nhwc('images');
    const one = tf.slice(images, [0, 0, 0, 0], [1, 64, 64, 3]);
    const maps = tf.tidy(() => net.maps(one));
    for (const [i, map] of maps.entries()) await close(map, `efficientnet.map.${i}`);
    const cotangents = maps.map((_, i) => nhwc(`efficientnet.cotangent.${i}`));
    const gradient = tf.grad((x: tf.Tensor) =>
      tf.addN(net.maps(x as tf.Tensor4D).map((m, i) => tf.sum(tf.mul(m, cotangents[i]!)))),
    )(one);
    await close(gradient, 'efficientnet.grad_input');
    const larger = new EfficientNetLite0(weights('efficientnet-lite0'), 96);
    const last = tf.tidy(() => larger.maps(one).at(-1)!);
    await close(last, 'efficientnet.96.last');
    tf.dispose([images, one, maps, cotangents, gradient, last]);
    net.dispose();
    larger.dispose();
  });

  it('ResNet-56 and MobileNetV1: pooled features', async () => {
    const images = nhwc('images');
    const resnet = new CifarResNet(weights('cifar10-resnet56'));
    const mobilenet = new MobileNetV1(weights('mobilenet-v1-0.25'), 96);
    for (const [name, net] of Object.entries({ resnet, mobilenet })) {
      const layers = new FrozenLayers(net.weights);
      const features = tf.tidy(() => tf.squeeze(net.measured<tf.Tensor4D>(layers, images).features, [1, 2]));
      await close(features, `${name}.features`);
      features.dispose();
      layers.dispose();
    }
    images.dispose();
    mobilenet.dispose();
  });
});
