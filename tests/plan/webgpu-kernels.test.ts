import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActiveBackend } from '../../src/gpu/backends';
import { GpuContext } from '../../src/gpu/context';
import type { KernelTraits } from '../../src/gpu/traits';
import type { WeightPrecision } from '../../src/lib/backends';
import { fuse } from '../../src/nn/plan/fuse';
import { GraphOps } from '../../src/nn/plan/graph';
import type { Plan } from '../../src/nn/plan/steps';
import { openWebGpu } from '../../src/nn/plan/webgpu/open';
import { maxError } from '../support/fixtures';
import { HALVES, TILINGS } from '../support/tilings';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';
import { type Case, kernelCases, noise, parameters } from './kernel-cases';
import { ReferenceExecutor, size } from './reference-executor';

/**
 * The WGSL kernels, in every tiling, against plain TypeScript. Activation memory is poisoned before
 * each run and every error of the device fails the test: neither stale memory nor a skipped dispatch can pass.
 */

let active: ActiveBackend;
const errors: string[] = [];

describe.skipIf(!webgpuWanted)('webgpu', () => {
  beforeAll(async () => {
    active = await activateWebGpu(errors);
  });
  afterAll(() => expect(errors).toEqual([]));

  describe.each(Object.keys(TILINGS))('%s tiles', (tiling) => {
    const context = lent(() => TILINGS[tiling]!);
    describe.each<WeightPrecision>(['f32', 'f16'])('%s', (precision) =>
      kernelCases((one) => compare(context(), precision, precision === 'f32' ? 2e-5 : 1e-2, one), ['direct']),
    );
  });

  describe('shared tiles, f16 arithmetic', () => {
    const context = lent(() => HALVES);
    kernelCases((one) => compare(context(), 'f16', 1e-2, one), ['direct']);

    // Queries, keys and values that halves hold exactly: what differs comes from the products.
    it('keeps the scores of attention in float32', async () => {
      const channels = 64;
      const identity = new Float32Array((3 * channels) ** 2);
      for (let i = 0; i < 3 * channels; i++) identity[i * (3 * channels + 1)] = 1;
      await compare(context(), 'f16', 1e-2, {
        shapes: { 'a.weight': [3 * channels, 3 * channels, 1, 1] },
        values: { 'a.weight': identity },
        input: (v) => Math.round(1024 * v) / 128,
        build: (ops) => {
          const x = ops.input('x', { height: 8, width: 8, channels: 3 * channels });
          return ops.attention(ops.conv2d(x, 'a', { pad: 0, bias: false }), 1);
        },
        batch: 2,
      });
    });
  });
});

/** A context for the tests of one `describe`, which give back what they take. */
function lent(traits: () => KernelTraits | null): () => GpuContext {
  let context: GpuContext;
  beforeAll(() => {
    const own = traits();
    context = own ? new GpuContext(active.device!, true, own, true) : active.gpu!;
  });
  afterAll(() => expect(context.memory.bytes).toBe(0));
  return () => context;
}

async function compare(
  context: GpuContext,
  precision: WeightPrecision,
  bound: number,
  { shapes = {}, values = {}, build, batch = 1, input = (v) => v }: Case,
): Promise<Plan> {
  const weights = parameters(shapes, values);
  const plan = fuse(new Map([['y', build(new GraphOps((name) => weights.shape(name)))]]));
  const inputs = new Map(
    [...plan.inputs].map(([name, value], i) => [name, noise(batch * size(value), 17 + i + batch).map(input)]),
  );
  const expected = (await new ReferenceExecutor(plan, weights, batch).run(inputs)).get('y')!;
  const network = await openWebGpu(context, precision)(plan, weights);
  const executor = await network.prepare(plan, batch);
  executor.poison();
  const result = (await executor.run(inputs)).get('y')!;
  executor.dispose();
  network.dispose();
  expect(errors).toEqual([]);
  expect(expected.some((v) => Math.abs(v) > 0.01)).toBe(true);
  expect(maxError(result, expected)).toBeLessThan(bound);
  return plan;
}
