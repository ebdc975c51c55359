import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { executorLine } from '../../src/distil/executor';
import { DistilTrainer } from '../../src/distil/trainer';
import { GpuContext } from '../../src/gpu/context';
import { HARDWARE } from '../../src/gpu/traits';
import type { OpenExecutor } from '../../src/nn/plan/training/executor';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { miniParts } from '../plan/training-run';
import { type FakeGpuOptions, fakeGpu } from '../support/fake-gpu';

/** What a run that asks for mixed precision gets, and says, on devices that have it, lack it or refuse it. */
async function asked(options: FakeGpuOptions) {
  const gpu = fakeGpu(options);
  const context = new GpuContext(gpu.device, false, HARDWARE, true);
  const plan: OpenExecutor = async (dtype) => new WebGpuIterations(context, 'a GPU', dtype);
  const trainer = await DistilTrainer.open({ ...miniParts({ heads: 'small', dtype: 'f16' }), plan });
  const { facts } = trainer;
  await trainer.step();
  trainer.dispose();
  expect([gpu.invalid, gpu.uncaptured]).toEqual([[], []]);
  const halves = gpu.programs.filter(({ code }) => code.includes('enable f16;')).length;
  return { facts, halves, line: executorLine(facts), traits: context.traits };
}

describe('mixed precision', () => {
  beforeAll(() => openBackend('wasm')); // heads are drawn on it

  it('is taken where the GPU has shader-f16', async () => {
    const { facts, halves, line } = await asked({ features: ['shader-f16'] });
    expect(facts).toMatchObject({ executor: 'plan', dtype: 'f16', instead: null });
    expect(halves).toBeGreaterThan(10);
    expect(line).toBe('a step is one recorded graph on a GPU, in mixed precision');
  });

  it('is float32 where the GPU lacks it, and says so', async () => {
    const { facts, halves, line } = await asked({});
    expect(facts).toMatchObject({ executor: 'plan', dtype: 'f32' });
    expect(halves).toBe(0);
    expect(line).toBe(
      'a step is one recorded graph on a GPU, in float32, because float16 needs shader-f16, which this adapter lacks',
    );
  });

  it('is float32 where a compiler refuses it, and leaves the form of the kernels', async () => {
    const refuse = (code: string) => (code.includes('enable f16;') ? 'no vec4h' : null);
    const { facts, line, traits } = await asked({ features: ['shader-f16'], refuse });
    expect(facts).toMatchObject({ executor: 'plan', dtype: 'f32' });
    expect(line).toContain('in float32, because a float16 kernel was refused, no vec4h');
    expect(traits).toBe(HARDWARE);
  });

  it('is for recorded steps alone', async () => {
    const trainer = await DistilTrainer.open(miniParts({ heads: 'small', dtype: 'f16' }));
    expect(executorLine(trainer.facts)).toBe(
      'a step runs op by op on TensorFlow.js (wasm), in float32, because float16 is for recorded steps on WebGPU',
    );
    trainer.dispose();
  });
});
