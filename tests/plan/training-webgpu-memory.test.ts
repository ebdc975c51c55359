import { expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { DistilTrainer } from '../../src/distil/trainer';
import { GpuContext } from '../../src/gpu/context';
import { InnateError, OutOfMemory } from '../../src/lib/errors';
import { Unplanned } from '../../src/nn/plan/training/executor';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { fakeGpu } from '../support/fake-gpu';
import { TILINGS } from '../support/tilings';
import { miniParts } from './training-run';

/** What a step on WebGPU does where the GPU has too little memory for it: on a device that counts bytes and computes nothing. */
const onGpuOf = (memory: number) => {
  const gpu = fakeGpu({ memory });
  const context = new GpuContext(gpu.device, true, TILINGS.register!, true);
  return { gpu, plan: async () => new WebGpuIterations(context, 'fake') };
};

async function train(memory: number, microBatch: number, recomputeAll = false) {
  const { gpu, plan } = onGpuOf(memory);
  const parts = miniParts({ heads: 'small', diffAugment: true, batch: 16, microBatch });
  const trainer = await DistilTrainer.open({ ...parts, plan, recomputeAll });
  return { gpu, trainer };
}

it('too little memory for a batch is not what has no plan: in parts the same batch fits, on the plan', async () => {
  await openBackend('wasm'); // the heads are drawn on it
  const whole = (await train(Number.POSITIVE_INFINITY, 0)).trainer;
  const light = (await train(Number.POSITIVE_INFINITY, 0, true)).trainer;
  const inParts = (await train(Number.POSITIVE_INFINITY, 1)).trainer;
  expect(light.bytes).toBeLessThan(whole.bytes);
  expect(inParts.bytes).toBeLessThan(light.bytes);
  const between = Math.round((light.bytes + inParts.bytes) / 2);
  const refused = await train(between, 0).catch((error) => error);
  expect(refused).toBeInstanceOf(OutOfMemory);
  expect(refused).not.toBeInstanceOf(Unplanned);
  expect(refused).toMatchObject({ code: 'backend', message: 'the GPU is out of memory' });
  const { trainer, gpu } = await train(between, 1);
  expect(trainer.facts).toMatchObject({ executor: 'plan', reason: null });
  await trainer.step();
  expect(gpu.uncaptured).toEqual([]);
  for (const opened of [whole, light, inParts, trainer]) opened.dispose();
});

it('what a GPU turns out to have no room for is recomputed, before the batch is taken in parts', async () => {
  await openBackend('wasm');
  const whole = (await train(Number.POSITIVE_INFINITY, 0)).trainer;
  const { trainer, gpu } = await train(whole.bytes - 1, 0);
  const { blocks, of } = trainer.facts.recomputed!;
  expect(blocks).toBeGreaterThan(0);
  expect(blocks).toBe(of);
  expect(trainer.bytes).toBeLessThan(whole.bytes);
  await trainer.step();
  expect(gpu.uncaptured).toEqual([]);
  for (const opened of [whole, trainer]) opened.dispose();
});

it('calls that the device refuses are an error of their own, and no lack of memory', async () => {
  await openBackend('wasm');
  const { gpu, plan } = onGpuOf(Number.POSITIVE_INFINITY);
  gpu.refuseBindings = 'too many bindings';
  const opening = DistilTrainer.open({ ...miniParts({ heads: 'small' }), plan });
  const refused = await opening.catch((error) => error);
  expect(refused).toBeInstanceOf(InnateError);
  expect(refused).not.toBeInstanceOf(OutOfMemory);
  expect(refused.describe()).toContain('too many bindings');
});
