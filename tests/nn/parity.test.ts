import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { fileSource } from '../../cli/files';
import { sampleImages } from '../../src/engine/inference/sampling';
import { inspectActivations } from '../../src/engine/layers/inspect';
import type { Model } from '../../src/engine/models/model';
import { openModel } from '../../src/engine/models/open-model';
import type { BackendName } from '../../src/lib/backends';
import { Denoiser, toNCHW, toNHWC } from '../../src/nn/denoiser';
import { clipSigmas, defaultSampling } from '../../src/nn/samplers';
import { TfOps } from '../../src/nn/tf/ops';
import { TfParameters } from '../../src/nn/tf/parameters';
import {
  externalCases,
  FIXTURES,
  maxError,
  type ParityCase,
  readGolden,
  shippedCases,
} from '../support/fixtures';

/**
 * The networks against PyTorch's: golden files of the public classes. INNATE_TEST_BACKENDS chooses the
 * back-ends (default wasm,cpu; webgpu is run on the software adapter by the README's test command).
 */
const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',') as BackendName[];
const external = externalCases();

describe.each(backends)('%s', (backend) => {
  const errors: unknown[] = [];

  beforeAll(async () => {
    const active = await openBackend(backend);
    // A validation error skips the dispatch and leaves whatever the buffer held: never let it pass unseen.
    active.device?.addEventListener('uncapturederror', (e) =>
      errors.push((e as GPUUncapturedErrorEvent).error.message),
    );
  });
  afterAll(() => expect(errors).toEqual([]));

  it('attention with several heads equals the published op', async () => {
    const golden = readGolden(join(FIXTURES, 'parity/attention-4-heads.golden.safetensors'));
    const [n, c3, h, w] = golden.shape('qkv') as [number, number, number, number];
    const source = { names: () => [], shape: () => undefined, read: () => new Float32Array() };
    const ops = new TfOps(new TfParameters(source));
    const qkv = tf.tensor4d(toNHWC(golden.float('qkv'), n, c3, h * w), [n, h, w, c3]);
    const out = tf.tidy(() => ops.attention(qkv, 4));
    const values = toNCHW((await out.data()) as Float32Array, n, c3 / 3, h * w);
    expect(maxError(values, golden.float('output'))).toBeLessThan(1e-5);
    tf.dispose([qkv, out]);
  });

  describe.each(shippedCases())('$name', (parityCase) => parity(parityCase));

  if (external.length > 0) describe.each(external)('$name (external)', (parityCase) => parity(parityCase));
  else it.skip('larger networks: set INNATE_FIXTURES to a folder of golden files', () => {});
});

function parity({ checkpoint, golden: goldenPath }: ParityCase): void {
  // VE and VP multiply the network's output, and its rounding, by sigma.
  const bound = (expected: Float32Array, base: number) =>
    /-v[ep]\./.test(checkpoint)
      ? Math.max(base, 2e-6 * expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0))
      : base;
  let model: Model;
  let denoiser: Denoiser;
  const golden = readGolden(goldenPath);
  const batch = { latents: golden.float('latents'), classes: golden.classes };

  beforeAll(() => {
    model = openModel(fileSource(checkpoint));
    denoiser = Denoiser.open(model.config, model.weights);
  });
  afterAll(() => {
    denoiser.dispose();
    expect(tf.memory().numTensors).toBe(0);
  });

  it('names its preconditioning', () => expect(model.config.precond).toBe(golden.metadata.get('precond')));

  it.each([80, 2.5, 0.05])('D(x, sigma) at sigma %d', async (sigma) => {
    const images = await denoiser.denoise(
      batch.latents.map((z) => z * sigma),
      sigma,
      batch.classes,
    );
    const expected = golden.float(`output_sigma_${sigma}`);
    expect(expected.some((v) => Math.abs(v) > 0.05)).toBe(true);
    expect(maxError(images, expected)).toBeLessThanOrEqual(bound(expected, 1e-4));
  });

  it('one image alone is the same image', async () => {
    const size = batch.latents.length / golden.shape('latents')[0]!;
    const one = batch.latents.slice(0, size).map((z) => z * 80);
    const images = await denoiser.denoise(one, 80, batch.classes?.subarray(0, 1) ?? null);
    const expected = golden.float('output_sigma_80').slice(0, size);
    expect(maxError(images, expected)).toBeLessThanOrEqual(bound(expected, 1e-4));
  });

  it('4 Heun steps', async () => {
    const options = { ...defaultSampling(32), sampler: 'heun' as const, steps: 4 };
    const images = await sampleImages(denoiser, batch, clipSigmas(model.config, options));
    const expected = golden.float('heun_4_steps');
    expect(maxError(images, expected)).toBeLessThanOrEqual(bound(expected, 5e-4));
  });

  it.skipIf(!golden.has('two_step'))('two steps', async () => {
    const images = await sampleImages(denoiser, batch, { ...defaultSampling(32), sampler: 'two-step' });
    const expected = golden.float('two_step');
    expect(maxError(images, expected)).toBeLessThanOrEqual(bound(expected, 1e-4));
  });

  it('root mean square of every block', async () => {
    const blocks = JSON.parse(golden.metadata.get('blocks')!) as string[];
    const activations = await inspectActivations(denoiser, 'x', batch, [80, 2.5, 0.05]);
    expect(activations.blocks.map((b) => b.name)).toEqual(blocks);
    for (const [level, sigma] of [80, 2.5, 0.05].entries()) {
      const expected = golden.float(`block_rms_sigma_${sigma}`);
      const [, samples] = golden.shape(`block_rms_sigma_${sigma}`) as [number, number];
      for (const [b, block] of activations.blocks.entries())
        for (let n = 0; n < samples; n++) {
          const want = expected[b * samples + n]!;
          expect(Math.abs(block.rmsPerSample[level]![n]! / want - 1)).toBeLessThan(1e-3);
        }
    }
  });
}
