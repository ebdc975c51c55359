import { afterAll, beforeAll, describe, expect } from 'vitest';
import { openBackend } from '../../cli/backend';
import type { ActiveBackend } from '../../src/gpu/backends';
import { type GpuContext, gpuContext } from '../../src/gpu/context';
import type { KernelTraits } from '../../src/gpu/traits';
import { fuse } from '../../src/nn/plan/fuse';
import { GraphOps } from '../../src/nn/plan/graph';
import { openWebGpu } from '../../src/nn/plan/webgpu/open';
import type { WeightPrecision } from '../../src/nn/plan/webgpu/pack';
import { maxError } from '../support/fixtures';
import { type Case, kernelCases, noise, parameters } from './kernel-cases';
import { ReferenceExecutor, size } from './reference-executor';

/**
 * The WGSL kernels, in every tiling, against plain TypeScript. Activation memory is poisoned before
 * each run and every error of the device fails the test: neither stale memory nor a skipped dispatch can pass.
 */
const wanted = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',').includes('webgpu');

const base = { reason: 'test', reducers: 64, subgroupReduce: false } as const;
/** Small tiles: the same code, compiled in a fraction of the time. */
const TILINGS: Record<string, KernelTraits | null> = {
  "the adapter's own": null,
  register: { ...base, tile: { kind: 'register', rows: 4, vectors: 1 }, unit: 'vec4f', winograd: true },
  shared: { ...base, tile: { kind: 'shared', rows: 2, vectors: 1 }, unit: 'vec4f', winograd: false },
};

let active: ActiveBackend;
const errors: string[] = [];

describe.skipIf(!wanted)('webgpu', () => {
  beforeAll(async () => {
    active = await openBackend('webgpu');
    active.device!.addEventListener('uncapturederror', (e) =>
      errors.push((e as GPUUncapturedErrorEvent).error.message),
    );
  });
  afterAll(() => expect(errors).toEqual([]));

  describe.each(Object.keys(TILINGS))('%s tiles', (tiling) => {
    let context: GpuContext;
    beforeAll(() => {
      const traits = TILINGS[tiling];
      context = traits ? gpuContext(active.device!, {} as GPUAdapterInfo, true, traits) : active.gpu!;
    });
    afterAll(() => expect(context.memory.bytes).toBe(0));

    describe.each<WeightPrecision>(['f32', 'f16'])('%s', (precision) => {
      const bound = precision === 'f32' ? 2e-5 : 1e-2;

      const check = async ({ shapes = {}, build, batch = 1, mean = 0 }: Case) => {
        const weights = parameters(shapes);
        const plan = fuse(new Map([['y', build(new GraphOps((name) => weights.shape(name)))]]));
        const inputs = new Map(
          [...plan.inputs].map(([name, value], i) => [
            name,
            noise(batch * size(value), 17 + i + batch).map((v) => v + mean),
          ]),
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
      };
      kernelCases(check, ['direct']);
    });
  });
});
