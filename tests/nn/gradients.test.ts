import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { fileSource } from '../../cli/files';
import { TrainableParameters } from '../../src/distil/trainable';
import { openModel } from '../../src/engine/models/open-model';
import type { BackendName } from '../../src/lib/backends';
import { Denoiser, fourierFrequencies, oneHotRows, toNCHW, toNHWC } from '../../src/nn/denoiser';
import '../../src/nn/tf/gradients';
import { parameterSpecs } from '../../src/nn/parameters';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';

/** Gradients of mean(D(80 z) * cotangent) with respect to everything, against PyTorch's. */
const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',') as BackendName[];

describe.each(backends)('%s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });
  afterAll(() => expect(tf.memory().numTensors).toBe(0));

  it.each(['mini-ncsnpp-16-cond', 'mini-adm-16-cond'])('%s', async (name) => {
    const golden = readGolden(join(FIXTURES, 'mini', `${name}.golden.safetensors`));
    const { config, weights } = openModel(fileSource(join(FIXTURES, 'mini', `${name}.pkl`)));
    const specs = parameterSpecs(config.unet);
    const parameters = new TrainableParameters(
      weights,
      specs.filter((s) => !s.buffer).map((s) => s.name),
      () => true,
    );
    const denoiser = new Denoiser(config, { parameters, freqs: fourierFrequencies(config, weights) });
    const [n, c, r] = golden.shape('latents') as [number, number, number];
    const shape: [number, number, number, number] = [n, r, r, c];
    const noise = golden.float('latents').map((z) => z * 80);
    const x = tf.tensor4d(toNHWC(noise, n, c, r * r), shape);
    const cotangent = tf.tensor4d(toNHWC(golden.float('cotangent'), n, c, r * r), shape);
    const labels = oneHotRows(golden.classes!, config.unet.labelDim);

    const loss = (input: tf.Tensor4D) =>
      tf.mean(tf.mul(denoiser.forward(input, [80], labels), cotangent)) as tf.Scalar;
    const { value, grads } = tf.variableGrads(() => loss(x));
    expect(maxError(await value.data(), golden.float('loss'))).toBeLessThan(1e-5);

    const byId = new Map([...parameters.variables()].map(([published, v]) => [v.name, published]));
    let compared = 0;
    for (const [id, gradient] of Object.entries(grads)) {
      const published = byId.get(id)!;
      const expected = golden.float(`grad.${published}`);
      const wanted = golden.shape(`grad.${published}`);
      const { fromTensor } = await import('../../src/distil/trainable');
      const found = fromTensor((await gradient.data()) as Float32Array, wanted);
      const bound = 1e-4 * expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0) + 1e-7;
      expect(maxError(found, expected), published).toBeLessThanOrEqual(bound);
      compared++;
    }
    expect(compared).toBe(byId.size);

    const inputGradient = tf.grad((input: tf.Tensor) => loss(input as tf.Tensor4D))(x);
    const found = toNCHW((await inputGradient.data()) as Float32Array, n, c, r * r);
    const expected = golden.float('grad_input');
    expect(maxError(found, expected)).toBeLessThanOrEqual(
      1e-4 * expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0) + 1e-7,
    );
    tf.dispose([x, cotangent, labels, value, grads, inputGradient]);
    denoiser.dispose();
  });
});
