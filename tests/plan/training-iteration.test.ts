import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { ReferenceGraph } from './reference-graph';
import { miniRun } from './training-run';

/**
 * One whole iteration as a graph, executed by its definition in float64, against the trainer on TensorFlow.js: losses,
 * every parameter, moment, average and power vector after it.
 */
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
  {
    name: 'DiffAugment',
    shareFakes: false,
    heads: 'small' as const,
    nfe: 1 as const,
    diffAugment: true,
  },
])('$name', ({ name: _, ...choice }) => {
  const { heads } = choice;

  it('is what the trainer does', { timeout: 120_000 }, async () => {
    const run = miniRun(choice);
    const { trainer, iteration, state, inputs, batch } = await run;
    const { graph, reports, updates, carried } = iteration;
    const before = new Map([...state].map(([name, values]) => [name, values.slice()]));
    const values = new ReferenceGraph(batch, inputs, state).run(graph, [
      ...reports.values(),
      ...updates,
      ...carried.values(),
    ]);
    for (const [name, node] of carried) state.set(name, values.get(node)!);
    const report = await trainer.step();
    const number = (name: string) => values.get(reports.get(name)!)![0]!;
    expect(number('lossG')).toBeCloseTo(report.lossG!, 4);
    expect(number('lossD')).toBeCloseTo(report.lossD!, 4);
    expect(number('logitsFake')).toBeCloseTo(report.logitsFake!, 4);
    expect(number('logitsReal')).toBeCloseTo(report.logitsReal!, 4);
    expect(Math.sqrt(number('squaresG')) / report.gradientNormG!).toBeCloseTo(1, 3);
    expect(Math.sqrt(number('squaresD')) / report.gradientNormD!).toBeCloseTo(1, 3);

    let moved = 0;
    for (const [name, { values: expected }] of await trainer.state()) {
      // Training never reads the running statistics. A bias before a batch norm has no gradient: Adam steps by its noise.
      if (/running_(mean|var)$/.test(name) || (heads === 'paper' && /main\.0\.bias$/.test(name))) continue;
      const found = state.get(name)!;
      const second = state.get(`adam${name.startsWith('heads.') ? 'D' : 'G'}.${name.replace(/^\w+\./, '')}`);
      const top = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const strongest = second?.reduce((m, v) => Math.max(m, v), 0) ?? 0;
      // Adam's first step is the sign of a gradient: noise where there is hardly one.
      const stepped = second !== undefined && /^(generator|heads|ema)\./.test(name);
      let error = 0;
      for (const [i, v] of expected.entries())
        if (!(stepped && second[i]! < 1e-4 * strongest)) error = Math.max(error, Math.abs(found[i]! - v));
      expect(error, name).toBeLessThanOrEqual(
        /^adam/.test(name) ? 1e-3 * top + 1e-12 : (/_u$/.test(name) ? 3e-5 : 2e-6) * Math.max(1, top),
      );
      if (before.get(name)!.some((v, i) => v !== found[i]!)) moved++;
    }
    expect(moved).toBeGreaterThan(100);
    trainer.dispose();
    tf.disposeVariables();
  });
});
