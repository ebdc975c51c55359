import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../../cli/backend';
import { fileSource } from '../../../cli/files';
import { preset } from '../../../src/distil/config';
import type { StepKind } from '../../../src/distil/executor';
import { Diverged, explainMemory, smallerPart } from '../../../src/engine/distil/errors';
import { DistilRun } from '../../../src/engine/distil/run';
import { realVariance, totalVariance } from '../../../src/engine/distil/spread';
import { openModel } from '../../../src/engine/models/open-model';
import { decodeState, encodeState, savedStudent } from '../../../src/engine/runs/state';
import { studentModel } from '../../../src/engine/runs/student';
import { bufferSource } from '../../../src/formats/source';
import { FIXTURES } from '../../support/fixtures';
import { imageSet } from '../../support/image-set';

beforeAll(async () => {
  await openBackend('wasm');
});

const teacher = openModel(fileSource(join(FIXTURES, 'parity', 'ddpmpp-skip-16-vp.pkl')));

/** Images of noise that depends on their place alone. */
const data = imageSet({ size: 16, resolution: 16, channels: 3 }, (i) =>
  Uint8Array.from({ length: 768 }, (_, j) => (i * 7919 + j * 104729) % 256),
);
const config = { ...preset('small-encoder'), batch: 2, images: 100, headWidth: 8, r1Gamma: 0.1, r1Every: 3 };

const begin = (saved?: Parameters<typeof DistilRun.start>[0]['saved']) =>
  DistilRun.start({
    teacher,
    data,
    config,
    features: () => Promise.reject(new Error('no features are needed')),
    backend: 'wasm',
    measureImages: 0,
    measureEvery: 0,
    ...(saved && { saved }),
  });

const bytes = (pieces: Iterable<Uint8Array>) => Buffer.concat([...pieces]);

async function reopened(run: DistilRun) {
  return decodeState(bufferSource(new Uint8Array(bytes(encodeState(await run.state()))), 'state'));
}

it('rates rise over the first images, both alike, and the student says where it starts', async () => {
  const run = await DistilRun.start({
    teacher,
    data,
    config: { ...config, warmUp: 8, r1Gamma: 0 },
    features: () => Promise.reject(new Error('no features are needed')),
    backend: 'wasm',
    measureImages: 0,
    measureEvery: 0,
  });
  const shares: number[][] = [];
  for (let i = 0; i < 5; i++) {
    const { generator, discriminator } = run.trainer.rates;
    await run.step();
    shares.push([generator / config.generatorRate, discriminator / config.discriminatorRate]);
  }
  expect(shares.map((s) => s.map((v) => Number(v.toFixed(6))))).toEqual(
    [0.25, 0.5, 0.75, 1, 1].map((v) => [v, v]),
  );
  const student = studentModel(teacher, await run.student(), run.config, 10);
  expect(student.sigma).toBe(2.5);
  expect(student.metadata.get('sigma')).toBe('2.5');
  run.dispose();
});

describe('single steps', () => {
  it('update one network alone, and leave the other as it is', async () => {
    const run = await begin();
    const generator = async () => bytes([...(await tensors(run, 'generator.')).values()]);
    await run.step();
    let [g, d] = [await generator(), await weights(run)];
    const ofD = await run.step('discriminator');
    expect(ofD).toMatchObject({ iteration: 2, images: 4, lossG: null, gradientNormG: null });
    expect(ofD.lossD).toBeGreaterThan(0);
    expect((await generator()).equals(g)).toBe(true);
    expect((await weights(run)).equals(d)).toBe(false);
    [g, d] = [await generator(), await weights(run)];
    const ofG = await run.step('generator');
    expect(ofG).toMatchObject({ iteration: 3, lossD: null, gradientNormD: null, logitsReal: null });
    expect(ofG.lossG).toBeGreaterThan(0);
    expect((await generator()).equals(g)).toBe(false);
    expect((await weights(run)).equals(d)).toBe(true);
    expect(run.trainer.updates.generator).toBe(2);
    run.dispose();
  });

  it('in any order, a run that is saved and resumed equals one that was not, bit for bit', async () => {
    const kinds: StepKind[] = [
      'both',
      'discriminator',
      'generator',
      'generator',
      'both',
      'discriminator',
      'both',
    ];
    const whole = await begin();
    for (const kind of kinds) await whole.step(kind);
    const first = await begin();
    for (const kind of kinds.slice(0, 4)) await first.step(kind);
    const saved = await reopened(first);
    first.dispose();
    expect(saved.meta.updates).toEqual({ generator: 3, discriminator: 2 });
    const second = await begin(saved);
    for (const kind of kinds.slice(4)) await second.step(kind);
    const [a, b] = [(await whole.state()).tensors, (await second.state()).tensors];
    expect([...b.keys()]).toEqual([...a.keys()]);
    for (const [name, { values }] of a) expect(b.get(name)!.values, name).toEqual(values);
    expect(second.trainer.updates).toEqual(whole.trainer.updates);
    const losses = (run: DistilRun) => run.curve.map(({ imagesPerSecond: _, ...rest }) => rest);
    expect(losses(second)).toEqual(losses(whole));
    // The student of the saved state is the run's own.
    const student = savedStudent(await reopened(second), teacher.weights);
    const own = await second.student();
    for (const name of own.names()) expect(student.read(name), name).toEqual(own.read(name));
    whole.dispose();
    second.dispose();
  });
});

async function tensors(run: DistilRun, prefix: string): Promise<Map<string, Uint8Array>> {
  const { tensors: all } = await run.state();
  return new Map(
    [...all].flatMap(([name, { values }]) =>
      name.startsWith(prefix)
        ? [[name, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]]
        : [],
    ),
  );
}

/** Of the discriminator, without what every forward pass moves. */
const weights = async (run: DistilRun) =>
  bytes(
    [...(await tensors(run, 'heads.'))].flatMap(([name, v]) => (/weight_u|running/.test(name) ? [] : [v])),
  );

it('a loss that is not a number says where to go back to', async () => {
  const run = await DistilRun.start({
    teacher,
    data,
    config: { ...config, generatorRate: 1e38, discriminatorRate: 1e38 }, // weights that float32 just holds: no product does
    features: () => Promise.reject(new Error('no features are needed')),
    backend: 'wasm',
    measureImages: 0,
    measureEvery: 0,
  });
  const failure = await (async () => {
    for (let i = 0; i < 20; i++) await run.step();
  })().catch((error) => error);
  expect(failure).toBeInstanceOf(Diverged);
  expect(failure.goBackTo).toBe('last');
  run.dispose();
});

it('when memory ends, smaller parts are named until two images are too many', () => {
  const error = explainMemory(new Error('Cannot enlarge memory arrays'), { ...config, batch: 32 });
  expect(error.describe()).toContain('in parts of 16');
  expect(smallerPart({ batch: 32, microBatch: 6, batchGpu: 0 })).toBe(3);
  expect(smallerPart({ batch: 256, microBatch: 0, batchGpu: 64 })).toBe(32);
  expect(smallerPart({ batch: 32, microBatch: 2, batchGpu: 0 })).toBeNull();
  expect(explainMemory(new Error('something else'), config).message).toBe('something else');
});

it('spread is the total variance: 0 for equal images, as numbers say otherwise', async () => {
  expect(totalVariance([1, 2, 1, 2, 1, 2], 3)).toBe(0);
  expect(totalVariance([0, 0, 2, 4], 2)).toBe(2 + 8);
  expect(totalVariance([1, 2], 1)).toBe(0);
  expect(await realVariance(data)).toBeGreaterThan(0);
});
