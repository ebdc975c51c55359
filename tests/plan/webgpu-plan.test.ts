import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileSource } from '../../cli/files';
import { openModel } from '../../src/engine/models/open-model';
import { GpuContext } from '../../src/gpu/context';
import { HARDWARE } from '../../src/gpu/traits';
import { PlannedDenoiser } from '../../src/nn/plan/planned-denoiser';
import { openWebGpu } from '../../src/nn/plan/webgpu/open';
import { assignSlots } from '../../src/nn/plan/webgpu/slots';
import { maxError, readGolden, shippedCases } from '../support/fixtures';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';

/** Whole networks on the static plan: against PyTorch, and over many passes. */

const errors: string[] = [];
let context: GpuContext;

describe.skipIf(!webgpuWanted)('static plan on webgpu', () => {
  beforeAll(async () => {
    context = (await activateWebGpu(errors)).gpu!;
  });
  afterAll(() => {
    expect(errors).toEqual([]);
    expect(context.memory.breakdown()).toEqual({ weights: 0, activations: 0, transfer: 0 });
  });

  it.each(shippedCases())(
    '$name against PyTorch, images and blocks',
    async ({ checkpoint, golden: path }) => {
      const model = openModel(fileSource(checkpoint));
      const golden = readGolden(path);
      const latents = golden.float('latents');
      const blocks = JSON.parse(golden.metadata.get('blocks')!) as string[];
      const samples = golden.shape('latents')[0]!;
      const denoiser = await PlannedDenoiser.open(model.config, model.weights, openWebGpu(context, 'f32'));
      for (const sigma of [80, 2.5, 0.05]) {
        const expected = golden.float(`output_sigma_${sigma}`);
        const largest = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        const x = latents.map((z) => z * sigma);
        const watch = { rms: blocks, images: true };
        const { images, rms } = await denoiser.observe(x, sigma, golden.classes, watch);
        expect(maxError(images!, expected)).toBeLessThanOrEqual(Math.max(5e-5, 2e-6 * largest));
        const blockRms = golden.float(`block_rms_sigma_${sigma}`);
        for (const [b, name] of blocks.entries())
          for (let n = 0; n < samples; n++)
            expect(Math.abs(rms.get(name)![n]! / blockRms[b * samples + n]! - 1)).toBeLessThan(1e-3);
      }
      denoiser.dispose();
    },
  );

  it.each(shippedCases().filter((c) => /mini/.test(c.name)))(
    '$name with the kernels of a hardware GPU',
    async ({ checkpoint, golden: path }) => {
      const model = openModel(fileSource(checkpoint));
      const golden = readGolden(path);
      const hardware = new GpuContext(context.device, true, HARDWARE, true);
      const open = openWebGpu(hardware, 'f32');
      const denoiser = await PlannedDenoiser.open(model.config, model.weights, open);
      const x = golden.float('latents').map((z) => z * 80);
      const images = await denoiser.denoise(x, 80, golden.classes);
      expect(maxError(images, golden.float('output_sigma_80'))).toBeLessThanOrEqual(5e-5);
      denoiser.dispose();
    },
    600_000,
  );

  it('a hundred passes leave memory as it was, and say the same', async () => {
    const { checkpoint, golden: path } = shippedCases().find((c) => /mini-ncsnpp/.test(c.name))!;
    const model = openModel(fileSource(checkpoint));
    const golden = readGolden(path);
    const x = golden.float('latents').map((z) => z * 80);
    const denoiser = await PlannedDenoiser.open(model.config, model.weights, openWebGpu(context, 'f32'));
    const first = await denoiser.denoise(x, 80, golden.classes);
    const held = context.memory.breakdown();
    const tensors = { ...tf.memory() };
    for (let i = 0; i < 100; i++) await denoiser.denoise(x, 80, golden.classes);
    expect(await denoiser.denoise(x, 80, golden.classes)).toEqual(first);
    expect(context.memory.breakdown()).toEqual(held);
    expect(tf.memory().numTensors).toBe(tensors.numTensors);
    denoiser.dispose();
  });
});

describe('slots', () => {
  const buffer = (id: number, bytes: number) => ({ id, bytes });
  const call = (...ids: { id: number; bytes: number }[]) =>
    ({ operands: ids.map((scratch) => ({ scratch })) }) as never;

  it('reuse memory, but never that of a living buffer', () => {
    const [a, b, c, d] = [buffer(0, 64), buffer(1, 32), buffer(2, 64), buffer(3, 16)];
    const calls = [call(a, b), call(b, c), call(c, d)];
    const { slots, slotOf } = assignSlots(calls, [a, b, c, d], {
      inputs: new Set([a]),
      outputs: new Set([d]),
    });
    expect(slotOf[2]).toBe(slotOf[0]); // a is dead when c is made
    expect(slotOf[1]).not.toBe(slotOf[2]);
    expect(slotOf[3]).not.toBe(slotOf[2]);
    expect(slots.reduce((x, y) => x + y, 0)).toBe(96);
  });
});
