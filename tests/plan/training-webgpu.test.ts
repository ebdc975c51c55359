import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import type { GpuContext } from '../../src/gpu/context';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { ReferenceGraph } from './reference-graph';
import { miniRun } from './training-run';

/**
 * A step on WebGPU against its definition in float64: reports and all state after it. Memory is poisoned before each step and
 * every error of the device fails the test: neither stale memory nor a skipped dispatch can pass.
 */
const wanted = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',').includes('webgpu');
const errors: string[] = [];
let context: GpuContext;

describe.skipIf(!wanted)('a step of training on webgpu', () => {
  beforeAll(async () => {
    const active = await openBackend('webgpu');
    context = active.gpu!;
    await openBackend('wasm'); // for the trainer, whose state the step begins with
    active.device!.addEventListener('uncapturederror', (e) =>
      errors.push((e as GPUUncapturedErrorEvent).error.message),
    );
  });
  afterAll(() => {
    expect(errors).toEqual([]);
    expect(context.memory.breakdown()).toEqual({ weights: 0, activations: 0, transfer: 0 });
  });

  it.each([
    {
      name: 'shared fakes, small conditional heads',
      shareFakes: true,
      heads: 'small' as const,
      nfe: 1 as const,
    },
    { name: "fresh fakes, the paper's heads", shareFakes: false, heads: 'paper' as const, nfe: 1 as const },
    { name: 'a two-step student', shareFakes: true, heads: 'small' as const, nfe: 2 as const },
  ])('is what its definition says: $name', { timeout: 240_000 }, async ({ shareFakes, heads, nfe }) => {
    const { trainer, iteration, state, inputs, batch } = await miniRun({ shareFakes, heads, nfe });
    trainer.dispose();
    tf.disposeVariables();
    const step = new WebGpuIterations(context, 'lavapipe');
    await step.prepare('both', { iteration, batch });
    for (const name of step.names()) step.write(name, state.get(name)!);
    step.poison();
    const reports = await step.run('both', inputs);
    const after = new Map<string, Float32Array>();
    for (const name of step.names()) after.set(name, await step.read(name));
    step.dispose();
    expect(errors).toEqual([]);

    const { graph, updates, carried } = iteration;
    const values = new ReferenceGraph(batch, inputs, state).run(graph, [
      ...iteration.reports.values(),
      ...updates,
      ...carried.values(),
    ]);
    for (const [name, node] of carried) state.set(name, values.get(node)!);
    for (const [name, node] of iteration.reports) {
      const expected = values.get(node)![0]!;
      expect(Math.abs(reports.get(name)! - expected), name).toBeLessThan(1e-4 * Math.abs(expected) + 1e-5);
    }
    for (const [name, found] of after) {
      const expected = state.get(name)!;
      const owner = name.startsWith('heads.') ? 'D' : 'G';
      const second = /^(generator|heads|ema)\./.test(name)
        ? state.get(`adam${owner}.${name.replace(/^\w+\./, '')}`)
        : undefined;
      // A bias before a batch norm has no gradient: Adam steps by its noise.
      if (heads === 'paper' && /main\.0\.bias$/.test(name)) continue;
      const top = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const strongest = second?.reduce((m, v) => Math.max(m, v), 0) ?? 0;
      let error = 0;
      for (const [i, v] of expected.entries())
        if (!(second && second[i]! < 1e-4 * strongest))
          error = Math.max(
            error,
            Number.isNaN(found[i]!) ? Number.POSITIVE_INFINITY : Math.abs(found[i]! - v),
          );
      expect(error, name).toBeLessThanOrEqual(
        /^adam/.test(name) ? 1e-3 * top + 1e-12 : (/_u$/.test(name) ? 3e-5 : 2e-6) * Math.max(1, top),
      );
    }
  });
});
