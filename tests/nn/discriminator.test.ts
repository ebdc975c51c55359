import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { fromTensor, TrainableParameters } from '../../src/distil/trainable';
import type { BackendName } from '../../src/lib/backends';
import { toNCHW, toNHWC } from '../../src/nn/denoiser';
import { headLogits } from '../../src/nn/discriminator/forward';
import { type HeadsConfig, headParameters } from '../../src/nn/discriminator/heads';
import { type PowerVectors, powerIteration } from '../../src/nn/discriminator/spectral';
import '../../src/nn/tf/gradients';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';

/** The published heads on given features, in train mode: logits, loss and every gradient. */
const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',') as BackendName[];
const external = process.env.INNATE_FIXTURES ?? '';
const cases = [
  { name: 'uncond', file: join(FIXTURES, 'mini/projected-discriminator-uncond.golden.safetensors') },
  { name: 'cond', file: join(external, 'mini/projected-discriminator-cond.golden.safetensors') },
];

describe.each(backends)('%s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
  });
  afterAll(() => expect(tf.memory().numTensors).toBe(0));

  for (const { name, file } of cases)
    it.skipIf(!existsSync(file))(`${name}${existsSync(file) ? '' : ' (set INNATE_FIXTURES)'}`, async () => {
      const golden = readGolden(file);
      const conditional = golden.has('embed_rows');
      const [n] = golden.shape('feature.0') as [number];
      const config: HeadsConfig = {
        style: 'paper',
        channels: [8, 16],
        sizes: [16, 8],
        networks: [2],
        classes: conditional ? n : 0,
        embeddingDim: 320,
        width: 0,
      };
      const key = (parameter: string) =>
        parameter.endsWith('.embed.weight') ? 'embed_rows' : `state.${parameter}`;
      const specs = headParameters(config);
      const parameters = new TrainableParameters(
        { shape: (p) => golden.shape(key(p)), read: (p) => golden.float(key(p)) },
        specs.map((s) => s.name),
        () => true,
      );
      const spectral = new Map<string, PowerVectors>();
      for (const { name: weight, kind } of specs) {
        if (kind !== 'conv') continue;
        const layer = weight.replace('.weight_orig', '');
        const u = tf.tensor2d(golden.float(`state.${layer}.weight_u`), [
          golden.shape(`state.${layer}.weight_u`)[0]!,
          1,
        ]);
        spectral.set(layer, powerIteration(parameters.get(weight), { u, v: u }));
        u.dispose();
      }
      const maps = [0, 1].map((i) => {
        const [b, c, h, w] = golden.shape(`feature.${i}`) as [number, number, number, number];
        return tf.tensor4d(toNHWC(golden.float(`feature.${i}`), b, c, h * w), [b, h, w, c]);
      });
      const oneHot = conditional ? tf.eye(n) : null;

      const loss = (...inputs: tf.Tensor[]) => {
        const logits = headLogits(config, parameters, spectral, inputs as tf.Tensor4D[], oneHot);
        return tf.mean(tf.softplus(tf.neg(tf.concat(logits, 1)))) as tf.Scalar;
      };
      const logits = tf.tidy(() => tf.concat(headLogits(config, parameters, spectral, maps, oneHot), 1));
      expect(maxError(await logits.data(), golden.float('logits'))).toBeLessThan(1e-4);

      const { value, grads } = tf.variableGrads(() => loss(...maps));
      expect(maxError(await value.data(), golden.float('loss'))).toBeLessThan(1e-5);
      const close = (found: Float32Array, expected: Float32Array, what: string) => {
        const bound = 1e-4 * expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0) + 1e-7;
        expect(maxError(found, expected), what).toBeLessThanOrEqual(bound);
      };
      let compared = 0;
      for (const [published, variable] of parameters.variables()) {
        if (published.endsWith('.embed.weight')) continue;
        const shape = golden.shape(`grad.${published}`);
        close(
          fromTensor((await grads[variable.name]!.data()) as Float32Array, shape),
          golden.float(`grad.${published}`),
          published,
        );
        compared++;
      }
      expect(compared).toBe(parameters.variables().size - (conditional ? maps.length : 0));

      const featureGradients = tf.grads(loss)(maps);
      for (const [i, gradient] of featureGradients.entries()) {
        const [b, c, h, w] = golden.shape(`feature.${i}`) as [number, number, number, number];
        close(
          toNCHW((await gradient.data()) as Float32Array, b, c, h * w),
          golden.float(`grad.feature.${i}`),
          `feature ${i}`,
        );
      }
      tf.dispose([
        maps,
        logits,
        value,
        grads,
        featureGradients,
        oneHot ?? [],
        [...spectral.values()].map(({ u, v }) => [u, v]),
      ]);
      parameters.dispose();
    });
});
