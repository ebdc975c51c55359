import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { DistilTrainer } from '../../src/distil/trainer';
import type { GpuContext } from '../../src/gpu/context';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';
import { expectCurve, miniParts, resumed, stepsOf } from './training-run';

/** Imitation and consistency distillation on WebGPU against the trainer on TensorFlow.js, and against themselves, resumed. */

const errors: string[] = [];
let context: GpuContext;

describe.skipIf(!webgpuWanted)('what follows the teacher image by image, on webgpu', () => {
  beforeAll(async () => {
    context = (await activateWebGpu(errors)).gpu!;
    await openBackend('wasm'); // for the oracle
  });
  afterAll(() => {
    expect(errors).toEqual([]);
    expect(context.memory.breakdown()).toEqual({ weights: 0, activations: 0, transfer: 0 });
  });

  it.each([
    { method: 'imitation' as const, imitationSteps: 2, instanceLoss: 'lite0' as const },
    { method: 'cd' as const, microBatch: 3 },
  ])(
    'has the curve of TensorFlow.js, and resumed the same bits: %o',
    { timeout: 240_000 },
    async (choice) => {
      const parts = miniParts({ heads: 'small', warmUp: 16, emaHalfLife: 40, ...choice });
      const plan = async () => new WebGpuIterations(context, 'lavapipe');
      const planned = await DistilTrainer.open({ ...parts, plan });
      expect(planned.facts).toMatchObject({ executor: 'plan', label: 'lavapipe', reason: null });
      const oracle = await DistilTrainer.open(parts);
      const kinds = ['both', 'both'] as const;
      expectCurve(await stepsOf(planned, kinds), await stepsOf(oracle, kinds));
      const [ours, theirs] = [await planned.state(), await oracle.state()];
      expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
      for (const [name, { values }] of theirs)
        if (!name.startsWith('adam'))
          expect(
            ours.get(name)!.values.every((v, i) => Math.abs(v - values[i]!) < 2e-3),
            name,
          ).toBe(true);
      const again = await DistilTrainer.open({ ...resumed(parts, planned, ours), plan });
      expect(await stepsOf(again, kinds)).toEqual(await stepsOf(planned, kinds));
      expect(await again.state()).toEqual(await planned.state());
      for (const trainer of [planned, oracle, again]) trainer.dispose();
    },
  );
});
