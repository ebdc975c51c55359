import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { startNodeThread } from '../../cli/threads';
import type { StepKind } from '../../src/distil/executor';
import { DistilTrainer, type TrainerParts } from '../../src/distil/trainer';
import type { OpenExecutor } from '../../src/nn/plan/training/executor';
import { WasmIterations } from '../../src/nn/plan/training/wasm/executor';
import { maxError } from '../support/fixtures';
import { type MiniChoice, miniParts, resumed } from './training-run';

/** The trainer on a plan beside the trainer on TensorFlow.js, which is the oracle: whole runs of both. */
beforeAll(async () => {
  await openBackend('wasm');
});

const plan: OpenExecutor = async () => new WasmIterations({ threads: 1, startThread: startNodeThread });

const SMALL: MiniChoice = { heads: 'small', warmUp: 16, emaHalfLife: 40 };

async function steps(trainer: DistilTrainer, kinds: readonly StepKind[]) {
  const reports = [];
  for (const kind of kinds) reports.push(await trainer.step(kind));
  return reports;
}

const both = (count: number): StepKind[] => Array.from({ length: count }, () => 'both');
const MIXED: StepKind[] = ['both', 'discriminator', 'generator', 'discriminator', 'both', 'generator'];

async function pair(choice: MiniChoice) {
  const parts = miniParts(choice);
  const oracle = await DistilTrainer.open(parts);
  const planned = await DistilTrainer.open({ ...miniParts(choice), plan });
  expect(oracle.facts).toMatchObject({ executor: 'tensorflow.js', reason: null });
  expect(planned.facts).toMatchObject({ executor: 'plan', label: '1 thread of WebAssembly', reason: null });
  return { oracle, planned, parts };
}

type Reports = Awaited<ReturnType<typeof steps>>;

function expectClose(found: Reports, expected: Reports, relative: number) {
  expect(found.length).toBe(expected.length);
  for (const [i, wanted] of expected.entries()) {
    const { lossG, lossD, logitsReal, logitsFake, gradientNormG, gradientNormD, r1, ...counters } = wanted;
    expect(found[i]).toMatchObject(counters);
    for (const [name, value] of Object.entries({
      lossG,
      lossD,
      logitsReal,
      logitsFake,
      gradientNormG,
      gradientNormD,
      r1,
    })) {
      const ours = found[i]![name as 'lossG'];
      if (value === null) expect(ours, `${name} ${i}`).toBeNull();
      else expect(Math.abs(ours! - value), `${name} ${i}`).toBeLessThan(relative * (1 + Math.abs(value)));
    }
  }
}

/**
 * Both save the same tensors, and the same running statistics of batch norms, which training never reads: every pass of the
 * heads counts, R1's and those of parts too.
 */
async function expectRunning(planned: DistilTrainer, oracle: DistilTrainer, heads: MiniChoice['heads']) {
  const [found, expected] = [await planned.state(), await oracle.state()];
  expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
  const running = [...expected].filter(([name]) => /running_(mean|var)$/.test(name));
  expect(running.length > 0).toBe(heads === 'paper');
  for (const [name, { shape, values }] of running) {
    expect(found.get(name)!.shape, name).toEqual(shape);
    const top = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    expect(maxError(found.get(name)!.values, values), name).toBeLessThan(5e-3 * top);
    const first = name.endsWith('mean') ? 0 : 1;
    expect(
      values.some((v) => Math.abs(v - first) > 0.05),
      name,
    ).toBe(true);
  }
}

describe('a run on the plan', { timeout: 120_000 }, () => {
  // Clipped fakes: in time a pixel at the bound goes either way by rounding, and the curves part.
  it.each([
    { clipFakes: false, count: 24 },
    { clipFakes: true, count: 14 },
  ])('has the curves of one on TensorFlow.js (%o)', async ({ clipFakes, count }) => {
    const { oracle, planned } = await pair({ ...SMALL, clipFakes });
    const [expected, found] = [await steps(oracle, both(count)), await steps(planned, both(count))];
    expectClose(found, expected, 2e-3);
    expect(expected[0]!.lossD! - expected.at(-1)!.lossD!).toBeGreaterThan(0.05); // they are no lines
    const [ours, theirs] = [await planned.student(), await oracle.student()];
    for (const name of ours.names()) {
      const wanted = theirs.read(name);
      expect(
        ours.read(name).every((v, i) => Math.abs(v - wanted[i]!) < 5e-3),
        name,
      ).toBe(true);
    }
    oracle.dispose();
    planned.dispose();
  });

  it.each(['small', 'paper'] as const)('takes steps of one network alone, with %s heads', async (heads) => {
    const { oracle, planned } = await pair({ ...SMALL, heads, shareFakes: heads === 'small' });
    expectClose(await steps(planned, MIXED), await steps(oracle, MIXED), 5e-3);
    expect(planned.updates).toEqual(oracle.updates);
    await expectRunning(planned, oracle, heads);
    oracle.dispose();
    planned.dispose();
  });

  it.each([
    { ...SMALL, microBatch: 3 }, // parts of 3 and 1
    { ...SMALL, microBatch: 2, shareFakes: false, batchGpu: 2 },
    { ...SMALL, heads: 'paper' as const, microBatch: 2, nfe: 2 as const },
    { ...SMALL, lossType: 'hinge' as const, microBatch: 2 }, // of the student's logits a report alone reads the values
  ])('takes a batch in parts (%#)', async (choice) => {
    const { oracle, planned } = await pair(choice);
    expectClose(await steps(planned, MIXED), await steps(oracle, MIXED), 5e-3);
    await expectRunning(planned, oracle, choice.heads);
    oracle.dispose();
    planned.dispose();
  });

  it.each([{}, { microBatch: 2, r1Gamma: 1, r1Every: 2 }])(
    'looks through a second feature network (%#)',
    async (choice) => {
      const { oracle, planned } = await pair({ ...SMALL, secondFeatures: 'vgg16-bn', ...choice });
      expectClose(await steps(planned, MIXED), await steps(oracle, MIXED), 5e-3);
      oracle.dispose();
      planned.dispose();
    },
  );

  it.each([{}, { microBatch: 2 }, { heads: 'paper' as const }, { features: 'teacher-encoder' as const }])(
    'takes exact steps of R1 (%#)',
    async (parts) => {
      const { oracle, planned } = await pair({ ...SMALL, ...parts, r1Gamma: 10, r1Every: 2 });
      const [expected, found] = [await steps(oracle, both(6)), await steps(planned, both(6))];
      expect(expected.filter(({ r1 }) => r1 !== null && r1 > 1e-3).length).toBe(2);
      expectClose(found, expected, 2e-3);
      expect(planned.updates).toEqual({ generator: 6, discriminator: 8 });
      await expectRunning(planned, oracle, parts.heads ?? 'small');
      oracle.dispose();
      planned.dispose();
    },
  );

  it('resumed equals the uninterrupted one, bit for bit', async () => {
    const parts = { ...miniParts(SMALL), plan };
    const whole = await DistilTrainer.open(parts);
    await steps(whole, MIXED.slice(0, 3));
    const again = await DistilTrainer.open(resumed(parts, whole, await whole.state()));
    expect(await steps(again, MIXED)).toEqual(await steps(whole, MIXED));
    expect(await again.state()).toEqual(await whole.state());
    whole.dispose();
    again.dispose();
  });

  it('goes on from the other executor, and the other from it', async () => {
    const { oracle, planned, parts } = await pair(SMALL);
    await steps(oracle, both(3));
    await steps(planned, both(3));
    const expected = oracle.iteration;
    const onPlan = await DistilTrainer.open({ ...resumed(parts, oracle, await oracle.state()), plan });
    const offPlan = await DistilTrainer.open(resumed(parts, planned, await planned.state()));
    expect(onPlan.facts.executor).toBe('plan');
    expect(offPlan.iteration).toBe(expected);
    const curve = await steps(oracle, both(5));
    expectClose(await steps(onPlan, both(5)), curve, 1e-3);
    expectClose(await steps(offPlan, both(5)), curve, 1e-3);
    for (const trainer of [oracle, planned, onPlan, offPlan]) trainer.dispose();
  });

  it('holds after 200 iterations what it held after the first', async () => {
    const before = tf.memory().numTensors;
    const trainer = await DistilTrainer.open({ ...miniParts(SMALL), plan });
    expect(tf.memory().numTensors).toBe(before); // what it began with on TensorFlow.js is let go
    await trainer.step();
    const { bytes } = trainer;
    expect(bytes).toBeGreaterThan(1e6);
    await steps(trainer, both(200));
    expect(trainer.bytes).toBe(bytes);
    expect(tf.memory().numTensors).toBe(before);
    trainer.dispose();
  });
});

it('what is not planned says why', async () => {
  const parts = miniParts(SMALL);
  const unrecorded: TrainerParts['features'] = (teacher) =>
    parts.features!(teacher).map(({ recorded: _, ...network }) => network);
  const trainer = await DistilTrainer.open({ ...parts, features: unrecorded, plan });
  expect(trainer.facts).toMatchObject({
    executor: 'tensorflow.js',
    reason: 'these feature networks cannot be planned',
  });
  trainer.dispose();
});
