import { expect } from 'vitest';
import { startNodeThread } from '../../cli/threads';
import { fuse } from '../../src/nn/plan/fuse';
import { GraphOps } from '../../src/nn/plan/graph';
import { openWasm } from '../../src/nn/plan/wasm/executor';
import { maxError } from '../support/fixtures';
import { type Case, kernelCases, noise, parameters } from './kernel-cases';
import { ReferenceExecutor, size } from './reference-executor';

/** The SIMD kernels against plain TypeScript; one and two threads give the same bits. */

const BOUND = 2e-5;

async function check({ shapes = {}, build, batch = 1, form, input = (v) => v }: Case) {
  const weights = parameters(shapes);
  const plan = fuse(new Map([['y', build(new GraphOps((name) => weights.shape(name)))]]));
  const inputs = new Map(
    [...plan.inputs].map(([name, value], i) => [name, noise(batch * size(value), 17 + i + batch).map(input)]),
  );
  const expected = (await new ReferenceExecutor(plan, weights, batch).run(inputs)).get('y')!;
  const results: Float32Array[] = [];
  for (const threads of [1, 2]) {
    const network = await openWasm({
      threads,
      startThread: startNodeThread,
      form: form && ((step) => (step.kernel === 3 ? form : 'direct')),
    })(plan, weights);
    const executor = await network.prepare(plan, batch);
    await executor.run(new Map([...inputs].map(([name, v]) => [name, v.map(() => Number.NaN)]))); // poison
    results.push((await executor.run(inputs)).get('y')!);
    network.dispose();
  }
  expect(expected.some((v) => Math.abs(v) > 0.01)).toBe(true);
  expect(maxError(results[0]!, expected)).toBeLessThan(BOUND);
  expect(results[1]).toEqual(results[0]);
  return plan;
}

kernelCases(check, ['direct', 'winograd2', 'winograd4']);
