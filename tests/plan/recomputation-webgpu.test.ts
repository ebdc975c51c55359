import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { GpuContext } from '../../src/gpu/context';
import { recordIteration } from '../../src/nn/plan/training/iteration';
import type { Iteration } from '../../src/nn/plan/training/settings';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { TILINGS } from '../support/tilings';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';
import { expectDefinition, type MiniChoice, miniRun } from './training-run';

/** A step that recomputes, on memory full of NaN: what its definition says, and what one that does not recompute gives. */

const errors: string[] = [];
let context: GpuContext;

describe.skipIf(!webgpuWanted)('recomputation on webgpu', () => {
  beforeAll(async () => {
    context = (await activateWebGpu(errors)).gpu!;
    await openBackend('wasm'); // for the trainer, whose state the step begins with
  });
  afterAll(() => expect(errors).toEqual([]));

  it.each<{ name: string; choice: MiniChoice; winograd: boolean }>([
    { name: 'frozen convolutions', choice: { heads: 'small' }, winograd: false },
    {
      name: 'everything trains, in Winograd form',
      choice: { heads: 'small', method: 'gdd' },
      winograd: true,
    },
  ])('$name', { timeout: 240_000 }, async ({ choice, winograd }) => {
    const run = await miniRun(choice);
    run.trainer.dispose();
    tf.disposeVariables();
    const blocks = run.iteration.recomputable!.map(({ block }) => block);
    const light = recordIteration({ ...run.settings, recomputed: new Set(blocks) });
    const used = new GpuContext(context.device, true, { ...TILINGS.register!, winograd }, true);
    const ran = async (iteration: Iteration) => {
      const steps = new WebGpuIterations(used, 'lavapipe');
      await steps.prepare('both', { iteration, batch: run.batch });
      for (const name of steps.names()) steps.write(name, run.state.get(name)!);
      steps.poison();
      const reports = await steps.run('both', run.inputs);
      const after = new Map<string, Float32Array>();
      for (const name of steps.names()) after.set(name, await steps.read(name));
      const { bytes } = steps;
      steps.dispose();
      return { reports, after, bytes };
    };
    const [plain, found] = [await ran(run.iteration), await ran(light)];
    expect(errors).toEqual([]);
    expect(found.bytes).toBeLessThan(plain.bytes);
    for (const [name, value] of plain.reports)
      expect(Math.abs(found.reports.get(name)! / value - 1), name).toBeLessThan(1e-5);
    expectDefinition({ ...run, iteration: light, heads: choice.heads }, found.reports, found.after);
  });
});
