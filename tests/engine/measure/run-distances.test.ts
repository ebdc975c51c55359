import { join } from 'node:path';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import { openBackend } from '../../../cli/backend';
import { fileSource } from '../../../cli/files';
import { RandomStream } from '../../../src/distil/random';
import { measureInPage } from '../../../src/engine/measure/measure-model';
import type { MeasureServices } from '../../../src/engine/measure/measuring';
import { measureRun } from '../../../src/engine/measure/run-distances';
import type { Model } from '../../../src/engine/models/model';
import { openModel } from '../../../src/engine/models/open-model';
import { answerRuns } from '../../../src/engine/runs/answer';
import { RunFolder } from '../../../src/engine/runs/folder';
import { studentAt } from '../../../src/engine/runs/moments';
import { deltaPieces, studentModel } from '../../../src/engine/runs/student';
import type { ActiveBackend } from '../../../src/gpu/backends';
import { InnateError } from '../../../src/lib/errors';
import type { ImageDenoiser } from '../../../src/nn/denoiser';
import type { WeightSource } from '../../../src/nn/weights';
import type { MeasureRunRequest, RunDistances } from '../../../src/protocol/run-distances';
import type { RunDetail, RunRecord } from '../../../src/protocol/runs';
import { FIXTURES } from '../../support/fixtures';
import { imageSet } from '../../support/image-set';
import { measureServices } from '../../support/measure-services';
import { MemoryFiles } from '../../support/memory-files';
import { runRecord, runState } from '../../support/saved-run';

/** A run of a mini network whose students make the better images the longer they were trained: less of a constant grey. */
const SIDE = 16;
const AREA = SIDE ** 2;
const SET = 90;
const COUNT = 40;
const MOMENTS = [16, 32, 48, 64, 80, 96];
const BEST = 70;
const LAST = 100;
const teacher = openModel(fileSource(join(FIXTURES, 'parity/ncsnpp-16-grey-ve.pkl')), {});
const dial = [...teacher.weights.names()].find((name) => name.endsWith('bias'))!;
const zero = teacher.weights.read(dial)[0]!;

const pictures = (seed: number, count: number): Uint8Array => {
  const normals = new RandomStream(seed, 'r1', 0).normals(count * 8);
  return Uint8Array.from({ length: count * AREA }, (_, at) => {
    const [n, y, x] = [Math.floor(at / AREA), Math.floor((at % AREA) / SIDE), at % SIDE];
    let value = 127;
    for (let k = 0; k < 8; k++) value += 18 * normals[n * 8 + k]! * Math.cos(0.5 * (k * x + (k % 3) * y) + k);
    return Math.min(255, Math.max(0, value));
  });
};
const real = pictures(1, SET);
const made = pictures(2, COUNT);

/** How grey the images of a student are, 0 to 1: held by one of its weights. */
const greyness = (images: number) => (images === BEST ? 0.05 : 0.9 - 0.6 * (images / LAST));
const student = (images: number): WeightSource => ({
  names: () => teacher.weights.names(),
  shape: (name) => teacher.weights.shape(name),
  read: (name) => {
    const values = teacher.weights.read(name);
    return name === dial ? values.map((v, i) => (i === 0 ? v + greyness(images) : v)) : values;
  },
});

let active: ActiveBackend;
beforeAll(async () => {
  active = await openBackend('wasm');
});
beforeEach(() => new MemoryFiles().install());

const data = imageSet({ size: SET, resolution: SIDE, channels: 1 }, (i) =>
  real.subarray(i * AREA, (i + 1) * AREA),
);

/** What was asked of the engine. */
const asked = { images: 0, opened: 0 };
/** Images after which the tab ends. */
let lifetime = Number.POSITIVE_INFINITY;

function denoiser(model: Model): ImageDenoiser {
  const grey = model.weights.read(dial)[0]! - zero;
  let next = 0;
  return {
    config: model.config,
    async denoise(x: Float32Array) {
      asked.images += x.length / AREA;
      if (asked.images > lifetime) throw new InnateError('cancelled', 'the tab ended');
      const out = new Float32Array(x.length);
      for (let i = 0; i < x.length; i++, next++)
        out[i] = ((1 - grey) * made[next % made.length]! + grey * 127 + 0.5 - 128) / 127.5;
      return out;
    },
    dispose() {},
  } as unknown as ImageDenoiser;
}

const services = (model = teacher): MeasureServices =>
  measureServices({ active, model, denoiser, data, opened: () => asked.opened++ });

const hooks = (onMeasured: (distances: RunDistances[]) => void = () => {}) => ({
  signal: new AbortController().signal,
  onProgress: () => {},
  onMeasured,
});

const state = (images: number) =>
  runState(
    images,
    new Map([
      [`ema.${dial}`, { shape: [...teacher.weights.shape(dial)!], values: student(images).read(dial) }],
    ]),
  );

async function savedRun(change: Partial<RunRecord> = {}): Promise<RunFolder> {
  asked.images = 0;
  asked.opened = 0;
  lifetime = Number.POSITIVE_INFINITY;
  const folder = (await RunFolder.open('run-1'))!;
  await folder.saveRecord({
    ...runRecord({ id: 'run-1', dataName: 'waves', resolution: SIDE }, LAST),
    ...change,
  });
  for (const images of MOMENTS)
    await folder.saveStudent(images, deltaPieces(teacher, student(images), new Map(), 't'));
  await folder.saveState(state(BEST), 'best');
  await folder.saveState(state(LAST), 'last');
  return folder;
}

const request: MeasureRunRequest = {
  run: 'run-1',
  features: 'resnet56',
  inception: null,
  files: [],
  count: COUNT,
  moments: 5,
};

it('the first, the best and the last student and some between are measured, told one by one, and kept with the run', async () => {
  const folder = await savedRun();
  const told: number[] = [];
  const all = await measureRun(
    request,
    services(),
    hooks(([one]) => told.push(one!.moments.length)),
  );
  expect(told).toEqual([1, 2, 3, 4, 5]);
  const [found] = all;
  const images = found!.moments.map((moment) => moment.images);
  expect(images).toHaveLength(5);
  expect(images).toEqual(expect.arrayContaining([16, BEST, LAST]));
  expect(found).toMatchObject({
    features: 'resnet56',
    n: COUNT,
    nfe: 1,
    words: expect.stringContaining('ResNet'),
  });
  // Less grey is nearer to the real images, and the best student is the nearest.
  const value = new Map(found!.moments.map((moment) => [moment.images, moment.value]));
  expect(value.get(16)!).toBeGreaterThan(value.get(LAST)!);
  expect(value.get(LAST)!).toBeGreaterThan(value.get(BEST)!);
  expect(found!.floor).toBeGreaterThan(0);
  for (const { error } of found!.moments) expect(error).toBeGreaterThan(0);
  expect(await folder.distances()).toEqual(all);
  const detail = (await answerRuns({ do: 'open', run: 'run-1' }, services() as never)) as RunDetail;
  expect(detail.distances).toEqual(all);
});

it('a distance is what Measure gives for that student', async () => {
  const folder = await savedRun();
  const [found] = await measureRun({ ...request, moments: 3 }, services(), hooks());
  const record = (await folder.record())!;
  const { teacher: own, weights } = await studentAt({ folder, record }, BEST, services());
  const alone = await measureInPage(
    {
      id: 'alone',
      model: { kind: 'opened', key: 'student' },
      data: { kind: 'pack', id: 'waves' },
      features: 'resnet56',
      inception: null,
      protocol: null,
      count: COUNT,
      sampler: 'one-step',
      steps: 1,
    },
    services(studentModel(own, weights, record.config, BEST)),
    hooks(),
  );
  const { value, error, floor } = alone.metrics.fid!;
  expect(found!.moments.find(({ images }) => images === BEST)).toEqual({ images: BEST, value, error });
  expect(found!.floor).toBe(floor);
});

it('what was cut off goes on: nothing that is measured is made again, and the images are not read again', async () => {
  await savedRun();
  const whole = await measureRun(request, services(), hooks());
  new MemoryFiles().install();
  const folder = await savedRun();
  lifetime = 2 * COUNT;
  await expect(measureRun(request, services(), hooks())).rejects.toThrow('the tab ended');
  expect((await folder.distances())[0]!.moments).toHaveLength(2);
  [asked.images, lifetime] = [0, Number.POSITIVE_INFINITY];
  expect(await measureRun(request, services(), hooks())).toEqual(whole);
  expect(asked).toEqual({ images: 3 * COUNT, opened: 1 });
  // Once more is nothing to do; features of what has ended are gone.
  asked.images = 0;
  expect(await measureRun(request, services(), hooks())).toEqual(whole);
  expect(asked.images).toBe(0);
  for await (const [path] of folder.files()) expect(path).not.toMatch(/^measuring/);
});

it('another number of images is another curve; one of them can be forgotten', async () => {
  const folder = await savedRun();
  await measureRun({ ...request, moments: 3 }, services(), hooks());
  const all = await measureRun({ ...request, moments: 3, count: 32 }, services(), hooks());
  expect(all.map(({ n, moments }) => [n, moments.length])).toEqual([
    [COUNT, 3],
    [32, 3],
  ]);
  const call = { do: 'drop-distances', run: 'run-1', features: 'resnet56', n: COUNT } as const;
  expect(await answerRuns(call, services() as never)).toEqual([all[1]]);
  expect(await folder.distances()).toEqual([all[1]]);
});

it('a run that goes back forgets what was measured of the moments that it will make again', async () => {
  const folder = await savedRun();
  await measureRun(request, services(), hooks());
  await folder.rewind(BEST);
  const [left] = await folder.distances();
  expect(left!.moments.at(-1)!.images).toBe(BEST);
  await folder.rewind(0);
  expect(await folder.distances()).toEqual([]);
});

it('says what it lacks, images that were too large to keep or any save, and takes them as they are chosen again', async () => {
  const folder = await savedRun();
  const record = (await folder.record())!;
  const files = { kind: 'files' as const, name: 'mine', files: [{ name: 'a.zip', bytes: 9 }] };
  await folder.saveRecord({ ...record, request: { ...record.request, data: files } });
  await expect(measureRun(request, services(), hooks())).rejects.toThrow('images of this run are not kept');
  const chosen = (bytes: number) => ({ ...request, files: [new File([new Uint8Array(bytes)], 'a.zip')] });
  await expect(measureRun(chosen(8), services(), hooks())).rejects.toThrow(
    'not the images that the run began',
  );
  expect((await measureRun(chosen(9), services(), hooks()))[0]!.moments).toHaveLength(5);
  await expect(measureRun({ ...request, run: 'none' }, services(), hooks())).rejects.toThrow(
    'not saved here',
  );
});
