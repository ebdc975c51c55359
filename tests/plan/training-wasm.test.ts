import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { startNodeThread } from '../../cli/threads';
import { WasmIterations } from '../../src/nn/plan/training/wasm/executor';
import { ReferenceGraph } from './reference-graph';
import { miniRun } from './training-run';

/** A step on the kernels against its definition in float64: reports and all state after it. */
beforeAll(async () => {
  await openBackend('wasm');
});

describe.each([
  {
    name: 'shared fakes, small conditional heads, frozen convolutions',
    shareFakes: true,
    heads: 'small' as const,
    nfe: 1 as const,
  },
  { name: "fresh fakes, the paper's heads", shareFakes: false, heads: 'paper' as const, nfe: 1 as const },
  { name: 'a two-step student', shareFakes: true, heads: 'small' as const, nfe: 2 as const },
])('$name', ({ shareFakes, heads, nfe }) => {
  it('is what its definition says, with the same bits on any number of threads', {
    timeout: 120_000,
  }, async () => {
    const { trainer, iteration, state, inputs, batch } = await miniRun({ shareFakes, heads, nfe });
    trainer.dispose();
    tf.disposeVariables();
    const after: Map<string, Float32Array>[] = [];
    const reports: Map<string, number>[] = [];
    for (const threads of [1, 2]) {
      const step = new WasmIterations({ threads, startThread: startNodeThread });
      await step.prepare('both', { iteration, batch });
      for (const name of step.names()) step.write(name, state.get(name)!);
      reports.push(await step.run('both', inputs));
      const found = new Map<string, Float32Array>();
      for (const name of step.names()) found.set(name, await step.read(name));
      after.push(found);
      step.dispose();
    }
    expect(after[1]).toEqual(after[0]);
    expect(reports[1]).toEqual(reports[0]);

    const { graph, updates, carried } = iteration;
    const values = new ReferenceGraph(batch, inputs, state).run(graph, [
      ...iteration.reports.values(),
      ...updates,
      ...carried.values(),
    ]);
    for (const [name, node] of carried) state.set(name, values.get(node)!);
    for (const [name, node] of iteration.reports) {
      const expected = values.get(node)![0]!;
      expect(Math.abs(reports[0]!.get(name)! - expected), name).toBeLessThan(
        1e-4 * Math.abs(expected) + 1e-5,
      );
    }
    for (const [name, found] of after[0]!) {
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
        if (!(second && second[i]! < 1e-4 * strongest)) error = Math.max(error, Math.abs(found[i]! - v));
      expect(error, name).toBeLessThanOrEqual(
        /^adam/.test(name) ? 1e-3 * top + 1e-12 : (/_u$/.test(name) ? 3e-5 : 2e-6) * Math.max(1, top),
      );
    }
  });
});
