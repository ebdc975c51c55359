import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import type { StepKind } from '../../src/distil/executor';
import { DistilTrainer } from '../../src/distil/trainer';
import type { GpuContext } from '../../src/gpu/context';
import { recordPart, recordUpdate } from '../../src/nn/plan/training/iteration';
import type { Iteration } from '../../src/nn/plan/training/settings';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';
import { expectCurve, expectDefinition, miniParts, miniRun, stepsOf } from './training-run';

/** A batch in parts, and R1, on WebGPU: against their definition in float64, and against the trainer on TensorFlow.js. */

const errors: string[] = [];
let context: GpuContext;

describe.skipIf(!webgpuWanted)('parts of a step on webgpu', () => {
  beforeAll(async () => {
    context = (await activateWebGpu(errors)).gpu!;
    await openBackend('wasm'); // for the trainer, whose state the steps begin with
  });
  afterAll(() => {
    expect(errors).toEqual([]);
    expect(context.memory.breakdown()).toEqual({ weights: 0, activations: 0, transfer: 0 });
  });

  it.each(['small', 'paper'] as const)(
    'are what their definitions say, %s heads',
    {
      timeout: 240_000,
    },
    async (heads) => {
      const run = await miniRun({ heads, shareFakes: false });
      run.trainer.dispose();
      tf.disposeVariables();
      const of = (batch: number) => ({ ...run.settings, loss: { ...run.settings.loss, batch } });
      const parts = (batch: number, iteration: Iteration) => ({ batch, iteration });
      const steps = new Map([
        ['part G of 3', parts(3, recordPart(of(3), { side: 'G' }))],
        ['part G of 1', parts(1, recordPart(of(1), { side: 'G' }))],
        ['update G', parts(3, recordUpdate(of(3), 'G'))],
        ['part D of 3', parts(3, recordPart(of(3), { side: 'D' }))],
        ['part D of 1', parts(1, recordPart(of(1), { side: 'D' }))],
        ['update D', parts(3, recordUpdate(of(3), 'D'))],
      ]);
      if (heads === 'small') steps.set('part R1', parts(3, recordPart(of(3), { penalty: 10 })));
      const executor = new WebGpuIterations(context, 'lavapipe');
      for (const [name, step] of steps) await executor.prepare(name, step);
      for (const name of executor.names()) {
        const drawn = new Float64Array((await executor.read(name)).length).map(
          (_, i) => Math.sin(i + 1) / 100,
        );
        if (!run.state.has(name)) run.state.set(name, drawn);
        executor.write(name, run.state.get(name)!);
      }
      for (const [name, { iteration, batch }] of steps) {
        const first = batch === 3;
        const inputs = run.part(first ? 0 : 3, batch, first ? 0.4 : 0.25);
        executor.poison();
        const reports = await executor.run(name, inputs);
        const after = new Map<string, Float32Array>();
        for (const leaf of executor.names()) after.set(leaf, await executor.read(leaf));
        expect(errors).toEqual([]);
        expectDefinition({ iteration, state: run.state, inputs, batch, heads }, reports, after);
        // What follows begins with the same values on both sides.
        for (const leaf of executor.names()) executor.write(leaf, run.state.get(leaf)!);
      }
      executor.dispose();
      expect(context.memory.breakdown()).toEqual({ weights: 0, activations: 0, transfer: 0 });
    },
  );

  it.each([
    { name: 'a batch in parts', choice: { microBatch: 3, shareFakes: false } },
    { name: 'exact R1', choice: { r1Gamma: 10, r1Every: 2 } },
    { name: "R1 on the paper's heads", choice: { heads: 'paper' as const, r1Gamma: 10, r1Every: 2 } },
    {
      name: "R1 through the teacher's encoder",
      choice: { features: 'teacher-encoder' as const, r1Gamma: 10, r1Every: 2 },
    },
    { name: 'both', choice: { microBatch: 2, r1Gamma: 10, r1Every: 2 } },
  ])('make the curve of TensorFlow.js: $name', { timeout: 240_000 }, async ({ choice }) => {
    const parts = miniParts({ heads: 'small', warmUp: 16, emaHalfLife: 40, ...choice });
    const planned = await DistilTrainer.open({
      ...parts,
      plan: async () => new WebGpuIterations(context, 'lavapipe'),
    });
    expect(planned.facts).toMatchObject({ executor: 'plan', label: 'lavapipe', reason: null });
    const oracle = await DistilTrainer.open(parts);
    const kinds: StepKind[] = ['both', 'discriminator', 'both', 'generator'];
    const [found, expected] = [await stepsOf(planned, kinds), await stepsOf(oracle, kinds)];
    expectCurve(found, expected);
    expect(planned.updates).toEqual(oracle.updates);
    if ('r1Gamma' in choice) expect(expected.filter(({ r1 }) => r1 !== null && r1 > 1e-3).length).toBe(1);
    for (const trainer of [planned, oracle]) trainer.dispose();
  });
});
