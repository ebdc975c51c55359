import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { startNodeThread } from '../../cli/threads';
import { WasmIterations } from '../../src/nn/plan/training/wasm/executor';
import { expectDefinition, miniRun } from './training-run';

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
  { name: 'DiffAugment', shareFakes: true, heads: 'small' as const, diffAugment: true },
])('$name', ({ name: _, ...choice }) => {
  const { heads } = choice;

  it('is what its definition says, with the same bits on any number of threads', {
    timeout: 120_000,
  }, async () => {
    const { trainer, iteration, state, inputs, batch } = await miniRun(choice);
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

    expectDefinition({ iteration, state, inputs, batch, heads }, reports[0]!, after[0]!);
  });
});
