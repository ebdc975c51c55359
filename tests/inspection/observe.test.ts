import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { openModelArgument } from '../../cli/catalogue';
import { seedBatch } from '../../src/engine/inference/sampling';
import type { BackendName } from '../../src/lib/backends';
import { unetBlocks } from '../../src/nn/blocks';
import { Denoiser } from '../../src/nn/denoiser';
import { BlockWatch } from '../../src/nn/inspection/block-watch';
import { inspectionRows } from '../../src/nn/inspection/rows';
import { observe } from '../../src/nn/tf/observe';
import { FIXTURES, maxError, readGolden } from '../support/fixtures';
import { MINI_NETWORKS, openMini } from './mini';

/** A forward pass that is watched: where it stops, what gains do to it, and what watching costs. */
const backends = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',') as BackendName[];

describe.each(backends)('observation on %s', (backend) => {
  beforeAll(() => openBackend(backend));

  describe.each(MINI_NETWORKS)('%s', (name) => {
    const { model, denoiser } = openMini(name);
    const golden = readGolden(join(FIXTURES, 'parity', `${name}.golden.safetensors`));
    const batch = { latents: golden.float('latents'), classes: golden.classes };

    it('stops behind the captured layer, and gives the same values', async () => {
      const block = unetBlocks(model.config.unet).find((b) => b.kind === 'block')!.name;
      const x = batch.latents.map((z) => z * 80);
      const names: string[] = [];
      const whole = await observe(denoiser, x, 80, batch.classes, {
        images: true,
        see: (key, value, record) => key === block && record(key, value),
      });
      const before = tf.memory().numTensors;
      const early = await observe(denoiser, x, 80, batch.classes, {
        until: block,
        images: true,
        see: (key, value, record) => {
          names.push(key);
          if (key === block) record(key, value);
        },
      });
      expect(names.at(-1)).toBe(block);
      expect(names.some((k) => k.startsWith('dec.'))).toBe(false);
      expect(early.images).toBeNull();
      expect(early.values.get(block)).toEqual(whole.values.get(block));
      expect(maxError(whole.images!, golden.float('output_sigma_80'))).toBeLessThan(1e-4);
      expect(tf.memory().numTensors).toBe(before); // nothing is left of the pass that was broken off
    });

    it('a gain scales what a block adds, 1 changes nothing, 0 leaves its skip path', async () => {
      const block = unetBlocks(model.config.unet).findLast((b) => b.kind === 'block' && !b.heads)!.name;
      const x = batch.latents.map((z) => z * 80);
      const capture = async (gain: number) => {
        denoiser.setGains(new Map([[block, gain]]));
        const { values } = await observe(denoiser, x, 80, batch.classes, {
          see: (key, value, record) => key.startsWith(block) && record(key, value),
          until: block,
        });
        denoiser.setGains(new Map());
        return values;
      };
      const [none, one, two] = [await capture(0), await capture(1), await capture(2)];
      const conv1 = one.get(`${block}.conv1`)!;
      expect(
        maxError(
          two.get(`${block}.conv1`)!,
          conv1.map((v) => 2 * v),
        ),
      ).toBeLessThan(1e-4);
      const scale = model.config.unet.modelType === 'SongUNet' ? Math.SQRT1_2 : 1;
      const skip = one.get(`${block}.skip`)!.map((v) => v * scale);
      expect(maxError(none.get(block)!, skip)).toBeLessThan(1e-5);
      expect(maxError(one.get(block)!, none.get(block)!)).toBeGreaterThan(1e-3);
    });
  });
});

it('observing every block’s rms costs at most a quarter of a plain pass', async () => {
  await openBackend('wasm');
  const model = openModelArgument('afhq-cat-64x64-teacher');
  const denoiser = Denoiser.open(model.config, model.weights);
  const { latents } = seedBatch(model.config, [0, 1], null);
  const x = latents.map((z) => z * 80);
  const rows = inspectionRows(model.config.unet, false);
  const watch = new BlockWatch(model.config.unet, { rows, quantities: ['rms'], spectra: 0 });
  // Time on the processor: other work on the machine does not count.
  const cost = async (pass: () => Promise<unknown>) => {
    const before = process.cpuUsage();
    await pass();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  const plain = () => denoiser.denoise(x, 80, null);
  const observed = () => observe(denoiser, x, 80, null, { see: watch.see, images: true });
  await plain();
  await observed();
  const costs: [number, number][] = [];
  for (let i = 0; i < 7; i++) costs.push([await cost(plain), await cost(observed)]);
  const least = (k: 0 | 1) => Math.min(...costs.map((c) => c[k]));
  const ratio = least(1) / least(0);
  console.log(`plain ${least(0) / 1000} ms, observed ${least(1) / 1000} ms: ${ratio.toFixed(3)}`);
  expect(ratio).toBeLessThan(1.25);
  denoiser.dispose();
});
