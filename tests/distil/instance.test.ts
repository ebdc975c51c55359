import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../cli/backend';
import { fileSource } from '../../cli/files';
import { Adam } from '../../src/distil/adam';
import { type DistilConfig, preset } from '../../src/distil/config';
import { checkNumbers } from '../../src/distil/config-checks';
import { instanceLoss } from '../../src/distil/instance-loss';
import { InstanceStep } from '../../src/distil/instance-step';
import { RandomStream } from '../../src/distil/random';
import { studentNetwork } from '../../src/distil/student-network';
import { TargetNetwork } from '../../src/distil/target-network';
import { TrainableParameters } from '../../src/distil/trainable';
import { openModel } from '../../src/engine/models/open-model';
import type { NetworkConfig } from '../../src/nn/config';
import { precondCoefficients } from '../../src/nn/precond';
import { heunSchedule } from '../../src/nn/samplers';
import '../../src/nn/tf/gradients';
import { FIXTURES } from '../support/fixtures';

/** Networks D(x, sigma) = g x: every value of a step has a closed form. */

beforeAll(async () => {
  await openBackend('cpu');
});

const [STUDENT, TEACHER, TARGET] = [1.5, 0.6, 0.9];
const [BATCH, ITERATION, SEED] = [4, 3, 7];
const SHAPE: [number, number, number, number] = [BATCH, 2, 1, 3];
const PIXELS = 2 * 1 * 3;
const REAL = Array.from({ length: BATCH * PIXELS }, (_, i) => Math.sin(3 * i) + 0.4);
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const NOISE = [...new RandomStream(SEED, 'generatorNoise', ITERATION).normals(BATCH * PIXELS)];

const times = (g: number) => ({
  forward: (x: tf.Tensor4D) => tf.mul(x, g),
  denoise: async (x: Float32Array) => x.map((v) => v * g),
});

const EDM: Partial<NetworkConfig> = { precond: 'EDMPrecond' };
/** Its highest level is below the student's start. */
const IDDPM: Partial<NetworkConfig> = {
  precond: 'iDDPMPrecond',
  iddpm: { C1: 0.001, C2: 0.008, M: 4, levels: Float32Array.of(1.5, 0.75, 0.25, 0.0625) },
};

async function step(change: Partial<DistilConfig>, network = EDM) {
  const g = tf.variable(tf.scalar(STUDENT));
  const config = { ...preset('small'), batch: BATCH, seed: SEED, cdSteps: 5, imitationSteps: 3, ...change };
  const seen: { levels: number[]; after: number }[] = [];
  const instance = new InstanceStep({
    config,
    student: { sigmaShift: 0.002 } as never,
    teacher: { ...times(TEACHER), config: network } as never,
    denoiser: {
      forward(x: tf.Tensor4D, levels: readonly number[]) {
        seen.push({ levels: [...levels], after: x.shape[0] });
        return tf.mul(x, g);
      },
    } as never,
    generatorSide: { variables: new Map([['g', g]]), adam: new Adam(0.1) },
    loss: instanceLoss(config, undefined),
    target: {
      denoiser: times(TARGET),
      update: (variables: Map<string, tf.Variable>) =>
        seen.push({ levels: [], after: variables.get('g')!.dataSync()[0]! }),
    } as never,
  });
  const stages: string[] = [];
  const real = tf.tensor4d(REAL, SHAPE);
  const report = await instance.run(ITERATION, real, null, null, (what) => stages.push(what));
  const after = (await g.data())[0]!;
  const done = { report, seen: [...seen], stages: [...stages], after };
  const before = tf.memory().numTensors;
  await instance.run(ITERATION + 1, real, null, null);
  return { ...done, kept: tf.memory().numTensors - before };
}

/** Loss and gradient by g of (g x - wanted)^2, a mean. */
const regression = (x: number[], wanted: number[]) => ({
  loss: mean(x.map((v, i) => (STUDENT * v - wanted[i]!) ** 2)),
  gradient: mean(x.map((v, i) => 2 * (STUDENT * v - wanted[i]!) * v)),
});

describe('consistency distillation', () => {
  const levels = heunSchedule(5, 0.002, 2.5);
  const drawn = [...new RandomStream(SEED, 'levels', ITERATION).integers(BATCH, 4)];
  const t = drawn.map((i) => levels[i]!);
  const noisy = REAL.map((x, i) => x + t[Math.floor(i / PIXELS)]! * NOISE[i]!);
  const wanted = noisy.map((x, i) => {
    const level = drawn[Math.floor(i / PIXELS)]!;
    const [now, next] = [levels[level]!, levels[level + 1]!];
    const slope = ((1 - TEACHER) * x) / now;
    const euler = x + (next - now) * slope;
    return TARGET * (x + ((next - now) / 2) * (slope + ((1 - TEACHER) * euler) / next));
  });

  it.each([0, 2, 3])(
    'takes the target of one Heun step of the teacher, in parts of %i too',
    async (microBatch) => {
      expect(new Set(drawn).size).toBeGreaterThan(1);
      const { report, seen, stages, after, kept } = await step({ method: 'cd', microBatch });
      const { loss, gradient } = regression(noisy, wanted);
      expect(report.lossG).toBeCloseTo(loss, 5);
      expect(report.gradientNormG).toBeCloseTo(Math.abs(gradient), 4);
      expect(report.lossD).toBeNull();
      expect(after).toBeCloseTo(STUDENT - 0.1 * Math.sign(gradient), 5);
      expect(seen.flatMap((s) => s.levels)).toEqual(t);
      expect(seen.at(-1)).toEqual({ levels: [], after }); // the target moves last, towards what was learned
      expect(stages).toEqual(['the teacher shows what is right', 'the student learns']);
      expect(kept).toBe(0);
    },
  );

  it('ends where the student is the identity, and refuses a teacher that has no such form', () => {
    const { config } = openModel(fileSource(join(FIXTURES, 'mini', 'mini-ncsnpp-16-cond.pkl')));
    const edm = { ...config, precond: 'EDMPrecond' as const, sigmaShift: 0, iddpm: null };
    const student = studentNetwork({ method: 'cd' }, edm);
    expect(student).toMatchObject({ precond: 'GDDPrecond', sigmaShift: 0.002 });
    expect(precondCoefficients(student, 0.002)).toMatchObject({ cSkip: 1, cOut: 0 });
    for (const method of ['gdd', 'gdd-i', 'imitation'] as const)
      expect(studentNetwork({ method }, edm)).toBe(edm);
    const ecm = { ...edm, precond: 'ECMPrecond' as const, sigmaShift: 0.003 };
    expect(studentNetwork({ method: 'cd' }, ecm)).toBe(ecm);
    expect(() => studentNetwork({ method: 'cd' }, { ...edm, precond: 'VEPrecond' })).toThrow(/not possible/);
  });

  it('asks for levels and a share that there can be', () => {
    const config = { ...preset('small'), method: 'cd' as const };
    expect(() => checkNumbers(config)).not.toThrow();
    for (const change of [{ cdSteps: 1 }, { targetDecay: 1 }, { targetDecay: -0.1 }, { nfe: 2 as const }])
      expect(() => checkNumbers({ ...config, ...change })).toThrow(/consistency/);
  });
});

it.each([
  ['', EDM, heunSchedule(3, 0.002, 2.5)],
  [', at levels that the teacher has', IDDPM, [1.5, 0.25, 0.0625, 0]],
])("imitation regresses the teacher's Heun sample of the same noise%s", async (_, network, schedule) => {
  const { report, seen, after } = await step({ method: 'imitation', microBatch: 3 }, network);
  const start = NOISE.map((z) => z * 2.5);
  const wanted = NOISE.map((z) => {
    let x = z * schedule[0]!;
    for (const [i, now] of schedule.slice(0, -1).entries()) {
      const next = schedule[i + 1]!;
      const slope = ((1 - TEACHER) * x) / now;
      const euler = x + (next - now) * slope;
      x = next === 0 ? euler : x + ((next - now) / 2) * (slope + ((1 - TEACHER) * euler) / next);
    }
    return x;
  });
  const { loss, gradient } = regression(start, wanted);
  expect(report.lossG! / loss).toBeCloseTo(1, 5);
  expect(report.gradientNormG! / Math.abs(gradient)).toBeCloseTo(1, 5);
  expect(after).toBeCloseTo(STUDENT - 0.1 * Math.sign(gradient), 5);
  expect(seen.flatMap((s) => s.levels)).toEqual([2.5, 2.5]); // two parts, each from the start
});

it('the loss on features compares directions, position by position', async () => {
  const network = {
    channels: [3, 3],
    sizes: () => [2, 1],
    maps: (x: tf.Tensor4D) => [x, tf.mul(tf.mean(x, 1, true), 5) as tf.Tensor4D],
  };
  const loss = instanceLoss({ instanceLoss: 'lite0' }, network);
  const values = (seed: number) =>
    tf.tensor4d(new RandomStream(seed, 'heads', 0).normals(BATCH * PIXELS), SHAPE);
  const [a, b] = [values(1), values(2)];
  const unit = (v: number[]) => v.map((x) => x / Math.hypot(...v));
  const [p, q] = [await a.array(), await b.array()];
  const apart = (x: number[], y: number[]) => unit(x).reduce((sum, v, i) => sum + (v - unit(y)[i]!) ** 2, 0);
  const middle = (rows: number[][][]) => rows[0]![0]!.map((v, i) => (v + rows[1]![0]![i]!) / 2);
  const fine = mean(p.flatMap((rows, n) => rows.map((row, y) => apart(row[0]!, q[n]![y]![0]!))));
  const coarse = mean(p.map((rows, n) => apart(middle(rows), middle(q[n]!))));
  const found = tf.tidy(() => loss.distance(a, loss.wanted(b)));
  expect((await found.data())[0]).toBeCloseTo(fine + coarse, 5);
  const scaled = tf.tidy(() => loss.distance(tf.mul(b, 3), loss.wanted(b)));
  expect((await scaled.data())[0]).toBeCloseTo(0, 6);
});

it("the target follows the student's trained parameters and shares the others", async () => {
  const { config, weights } = openModel(fileSource(join(FIXTURES, 'mini', 'mini-ncsnpp-16-cond.pkl')));
  const names = ['model.enc.16x16_conv.weight', 'model.enc.16x16_conv.bias'];
  const student = new TrainableParameters(weights, names, (name) => name.endsWith('bias'));
  const target = new TargetNetwork(config, student, null, 0.75);
  const first = await student.fetch(names[1]!);
  for (const change of [1, 2]) {
    const [bias] = [...student.variables().values()];
    bias!.assign(tf.add(student.toBackend(names[1]!, first), change));
    target.update(student.variables());
  }
  const moved = (await target.averages.get(names[1]!)!.data()) as Float32Array;
  for (const [i, v] of first.entries()) expect(moved[i]).toBeCloseTo(v + 0.75 * 0.25 * 1 + 0.25 * 2, 5);
  expect([...target.averages.keys()]).toEqual([names[1]]);
  target.dispose();
  expect(await student.fetch(names[0]!)).toEqual(weights.read(names[0]!));
  student.dispose();
});
