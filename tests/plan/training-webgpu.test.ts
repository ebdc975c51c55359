import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import type { StepKind } from '../../src/distil/executor';
import { DistilTrainer } from '../../src/distil/trainer';
import { GpuContext } from '../../src/gpu/context';
import type { OpenExecutor } from '../../src/nn/plan/training/executor';
import { WebGpuIterations } from '../../src/nn/plan/training/webgpu/executor';
import { HALVES, TILINGS } from '../support/tilings';
import { activateWebGpu, webgpuWanted } from '../support/webgpu';
import { expectCurve, expectDefinition, miniParts, miniRun, resumed, stepsOf } from './training-run';

/**
 * A step on WebGPU against its definition in float64: reports and all state after it. Memory is poisoned before each step and
 * every error of the device fails the test: neither stale memory nor a skipped dispatch can pass.
 */

/** On a software adapter 200 take minutes where other work runs. */
const MANY = process.env.INNATE_LONG_TESTS ? 200 : 30;
/** Their Winograd form has a test of its own, and takes a compiler long. */
const DIRECT = { ...TILINGS.register!, winograd: false };
const errors: string[] = [];
let context: GpuContext;

describe.skipIf(!webgpuWanted)('a step of training on webgpu', () => {
  beforeAll(async () => {
    context = (await activateWebGpu(errors)).gpu!;
    await openBackend('wasm'); // for the trainer, whose state the step begins with
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
    ...Object.entries({ register: DIRECT, shared: TILINGS.shared!, 'shared f16': HALVES }).map(
      ([tiles, traits]) => ({
        name: `${tiles} tiles, as other adapters have them`,
        shareFakes: true,
        heads: 'small' as const,
        nfe: 1 as const,
        traits,
      }),
    ),
    { name: "fresh fakes, the paper's heads", shareFakes: false, heads: 'paper' as const, nfe: 1 as const },
    { name: 'a two-step student', shareFakes: true, heads: 'small' as const, nfe: 2 as const },
    {
      name: 'DiffAugment',
      shareFakes: true,
      heads: 'small' as const,
      nfe: 1 as const,
      diffAugment: true,
    },
  ])('is what its definition says: $name', { timeout: 240_000 }, async (one) => {
    const { name: _, traits, ...choice } = { traits: undefined, ...one };
    const { heads } = choice;
    const used = traits ? new GpuContext(context.device, true, traits, true) : context;
    const { trainer, iteration, state, inputs, batch } = await miniRun(choice);
    trainer.dispose();
    tf.disposeVariables();
    const step = new WebGpuIterations(used, 'lavapipe');
    await step.prepare('both', { iteration, batch });
    for (const name of step.names()) step.write(name, state.get(name)!);
    step.poison();
    const reports = await step.run('both', inputs);
    const after = new Map<string, Float32Array>();
    for (const name of step.names()) after.set(name, await step.read(name));
    step.dispose();
    expect(errors).toEqual([]);
    expect(used.memory.breakdown()).toEqual({ weights: 0, activations: 0, transfer: 0 });

    expectDefinition({ iteration, state, inputs, batch, heads }, reports, after);
  });

  const plan: OpenExecutor = async () => new WebGpuIterations(context, 'lavapipe');
  const MIXED: StepKind[] = ['both', 'discriminator', 'generator', 'both'];

  it('a resumed run is the uninterrupted one, bit for bit, and has the curve of TensorFlow.js', {
    timeout: 240_000,
  }, async () => {
    const parts = miniParts({ heads: 'small', warmUp: 16, emaHalfLife: 40 });
    const whole = await DistilTrainer.open({ ...parts, plan });
    expect(whole.facts).toMatchObject({ executor: 'plan', label: 'lavapipe', reason: null });
    const oracle = await DistilTrainer.open(parts);
    const [found, expected] = [await stepsOf(whole, MIXED), await stepsOf(oracle, MIXED)];
    expectCurve(found, expected);
    const state = await whole.state();
    const again = await DistilTrainer.open({ ...resumed(parts, whole, state), plan });
    expect(await stepsOf(again, MIXED)).toEqual(await stepsOf(whole, MIXED));
    expect(await again.state()).toEqual(await whole.state());
    for (const trainer of [whole, oracle, again]) trainer.dispose();
  });

  it(`holds after ${MANY} iterations what it held after the first`, { timeout: 300_000 }, async () => {
    const trainer = await DistilTrainer.open({ ...miniParts({ heads: 'small', warmUp: 0 }), plan });
    await trainer.step();
    const { bytes } = trainer;
    const held = context.memory.breakdown();
    expect(bytes).toBeGreaterThan(1e6);
    await stepsOf(trainer, new Array(MANY).fill('both'));
    expect(trainer.bytes).toBe(bytes);
    expect(context.memory.breakdown()).toEqual(held);
    trainer.dispose();
  });
});
