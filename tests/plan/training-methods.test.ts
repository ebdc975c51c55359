import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { startNodeThread } from '../../cli/threads';
import type { StepKind } from '../../src/distil/executor';
import { DistilTrainer } from '../../src/distil/trainer';
import type { NetworkConfig } from '../../src/nn/config';
import type { OpenExecutor } from '../../src/nn/plan/training/executor';
import { WasmIterations } from '../../src/nn/plan/training/wasm/executor';
import { expectCurve, type MiniChoice, miniParts, resumed, stepsOf } from './training-run';

/** Every method, loss and look of a run on the plan beside the same on TensorFlow.js, and beside itself, resumed. */
beforeAll(async () => {
  await openBackend('wasm');
});

const plan: OpenExecutor = async () => new WasmIterations({ threads: 1, startThread: startNodeThread });

const SMALL: MiniChoice = { heads: 'small', warmUp: 16, emaHalfLife: 40 };
/** Its highest level is below where a student of the small preset starts. */
const IDDPM: Partial<NetworkConfig> = {
  precond: 'iDDPMPrecond',
  iddpm: { C1: 0.001, C2: 0.008, M: 4, levels: Float32Array.of(1.5, 0.7, 0.2, 0.01) },
};
const KINDS: StepKind[] = ['both', 'discriminator', 'generator'];

async function pair(choice: Partial<MiniChoice>, precond: Partial<NetworkConfig> = {}) {
  const parts = () => {
    const own = miniParts({ ...SMALL, ...choice });
    return { ...own, network: { ...own.network, ...precond } as NetworkConfig };
  };
  const planned = await DistilTrainer.open({ ...parts(), plan });
  expect(planned.facts).toMatchObject({ executor: 'plan', label: '1 thread of WebAssembly', reason: null });
  return { planned, oracle: await DistilTrainer.open(parts()) };
}

describe('on the plan', { timeout: 120_000 }, () => {
  it.each<Partial<MiniChoice>>([
    { diffAugment: true },
    { diffAugment: true, microBatch: 2, shareFakes: false },
    { diffAugment: true, r1Gamma: 10, r1Every: 2 },
    { features: 'teacher-encoder' },
    { features: 'teacher-encoder', microBatch: 3, diffAugment: true },
  ])('a GAN has the curve of TensorFlow.js: %o', async (choice) => {
    const { oracle, planned } = await pair(choice);
    expectCurve(await stepsOf(planned, KINDS), await stepsOf(oracle, KINDS));
    for (const trainer of [oracle, planned]) trainer.dispose();
  });

  it.each<Partial<MiniChoice>>([
    { method: 'imitation', imitationSteps: 2, nfe: 2, microBatch: 3 },
    { method: 'imitation', imitationSteps: 3, instanceLoss: 'lite0' },
    { method: 'cd', microBatch: 3, instanceLoss: 'lite0', targetDecay: 0.5 },
    { method: 'cd', startSigma: 80, targetDecay: 0 },
  ])('what follows the teacher image by image does too: %o', async (choice) => {
    const { oracle, planned } = await pair(choice);
    const kinds: StepKind[] = ['both', 'both', 'both'];
    expectCurve(await stepsOf(planned, kinds), await stepsOf(oracle, kinds), 2e-3);
    const [ours, theirs] = [await planned.state(), await oracle.state()];
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
    for (const [name, { shape, values }] of theirs) {
      expect(ours.get(name)!.shape, name).toEqual(shape);
      // Adam's steps are signs where a gradient is noise: nothing is farther off than a few of them.
      if (!name.startsWith('adam'))
        expect(
          ours.get(name)!.values.every((v, i) => Math.abs(v - values[i]!) < 2e-3),
          name,
        ).toBe(true);
    }
    for (const trainer of [oracle, planned]) trainer.dispose();
  });

  it('a teacher with noise levels of its own is asked at those, from its own start', async () => {
    const { oracle, planned } = await pair({ method: 'imitation', imitationSteps: 3 }, IDDPM);
    const kinds: StepKind[] = ['both', 'both'];
    expectCurve(await stepsOf(planned, kinds), await stepsOf(oracle, kinds), 2e-3);
    for (const trainer of [oracle, planned]) trainer.dispose();
  });

  it.each<Partial<MiniChoice>>([
    { diffAugment: true, features: 'teacher-encoder' },
    { method: 'imitation', imitationSteps: 2 },
    { method: 'cd' },
  ])('resumed equals the uninterrupted one, bit for bit: %o', async (choice) => {
    const parts = { ...miniParts({ ...SMALL, ...choice }), plan };
    const whole = await DistilTrainer.open(parts);
    await whole.step();
    const again = await DistilTrainer.open(resumed(parts, whole, await whole.state()));
    expect(await stepsOf(again, KINDS)).toEqual(await stepsOf(whole, KINDS));
    expect(await again.state()).toEqual(await whole.state());
    for (const trainer of [whole, again]) trainer.dispose();
  });
});
