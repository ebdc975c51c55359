import { describe, expect, test } from 'vitest';
import { fitMicroBatch } from '../../../src/distil/batch-memory';
import type { CurvePoint } from '../../../src/distil/curve';
import type { DataCheck } from '../../../src/protocol/distil';
import { Pace } from '../../../src/state/distil/pace';
import { elsewhere, fittingPack, misfit, parsePacks, type SamplePack } from '../../../src/state/distil/packs';
import {
  changed,
  costOf,
  type DistilSetup,
  distilRequest,
  estimateKey,
  fewImages,
  NEW_SETUP,
  obstacle,
  settleSetup,
  studentsFor,
  teachersAmong,
  teachersForOwn,
} from '../../../src/state/distil/setup';
import {
  addSnapshot,
  curvesCsv,
  fileStem,
  narrowing,
  nearestSnapshot,
  rewind,
  type Snapshot,
  secondsLeft,
  stepSeconds,
} from '../../../src/state/distil/store';
import type { ModelFacts } from '../../../src/state/models';

const model = (key: string, extra: Partial<ModelFacts> = {}): ModelFacts => ({
  key,
  ref: { kind: 'catalogue', id: key },
  name: key,
  role: 'teacher',
  resolution: 32,
  channels: 1,
  labelDim: 0,
  classes: null,
  parameters: 100,
  sigma: 80,
  sigmaFrom: 'file',
  sigmaMid: null,
  bytes: 1,
  licence: null,
  dataset: null,
  preview: null,
  ...extra,
});

const pack = (id: string, classes: string[] | null = null): SamplePack => ({
  id,
  name: id,
  path: `${id}.zip`,
  bytes: 1,
  images: 100,
  resolution: 32,
  channels: 1,
  classes,
  licence: 'MIT',
  source: '',
});

const CLOTHES = model('fashion-mnist-32x32-teacher', { labelDim: 2, dataset: 'fashion' });
const CATS = model('cats', { resolution: 64, channels: 3, dataset: 'cats' });
const MODELS = [CATS, CLOTHES, model('clothes-student', { role: 'student', labelDim: 2 })];
const PACKS = [pack('cats'), pack('fashion', ['a', 'b'])];
const settle = (setup: Partial<DistilSetup> = {}) => settleSetup({ ...NEW_SETUP, ...setup }, MODELS, PACKS);

const NEW_RUN = { id: 'run-1', number: 1 };

describe('sample packs', () => {
  test('a list that is not one is a bad file', () => {
    for (const text of ['{', '{}', '{"version":1}', '{"version":1,"packs":[{"id":"a"}]}'])
      expect(() => parsePacks(text)).toThrow('damaged');
    expect(parsePacks(JSON.stringify({ version: 1, packs: PACKS }))).toEqual(PACKS);
  });
  test('classes must match those of a conditional teacher', () => {
    expect(misfit(pack('x'), CLOTHES)).toBe('Has no classes; the teacher has 2');
    expect(misfit(pack('x', ['a']), CLOTHES)).toBe('Has 1 class; the teacher has 2');
    expect(misfit(pack('x', ['a']), CATS)).toBeNull();
    expect(fittingPack(PACKS, CATS)?.id).toBe('cats');
    expect(fittingPack([pack('x')], CLOTHES)).toBeNull();
  });

  test('a teacher whose own images are had elsewhere is not given others', () => {
    const faces = model('faces', { dataset: 'celeba-64x64' });
    expect(elsewhere(faces)).toMatchObject({ file: 'img_align_celeba.zip' });
    expect(elsewhere(CATS)).toBeNull();
    expect(fittingPack(PACKS, faces)).toBeNull();
    const start = (data: string | null) => settleSetup({ ...NEW_SETUP, data }, [faces], PACKS);
    expect(obstacle(start(null))).toBe('Choose images to learn from.');
    expect(obstacle(start('cats'))).toBeNull(); // a person may want cats of it all the same
  });
});

describe('setup', () => {
  test('with nothing chosen, a press of Start works', () => {
    const settled = settle();
    expect(settled).toMatchObject({
      teacher: { key: CLOTHES.key },
      pack: { id: 'fashion' },
      preset: 'small',
      config: { method: 'gdd-i', features: 'efficientnet-lite0' },
    });
    expect(obstacle(settled)).toBeNull();
    expect(distilRequest(settled, NEW_RUN)).toMatchObject({
      teacher: { kind: 'catalogue', id: CLOTHES.key },
      student: null,
      data: { kind: 'pack', id: 'fashion' },
      sampleSeeds: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
      sampleEvery: 2,
      measureImages: 128,
    });
  });

  test('another teacher brings its preset and its data; a pack that does not fit is not taken', () => {
    expect(settle({ teacher: 'cats' })).toMatchObject({ preset: 'small', pack: { id: 'cats' } });
    expect(settle({ data: 'cats' }).pack?.id).toBe('fashion');
  });

  test('teachers and the students of their shape', () => {
    expect(teachersAmong(MODELS).map((m) => m.key)).toEqual(['cats', CLOTHES.key]);
    expect(studentsFor(MODELS, CLOTHES).map((m) => m.key)).toEqual(['clothes-student']);
    expect(settle({ student: 'clothes-student' }).student?.key).toBe('clothes-student');
    expect(settle({ teacher: 'cats', student: 'clothes-student' }).student).toBeNull();
    const opened = model('o', { role: 'unknown', ref: { kind: 'opened', key: 'o' } });
    expect(teachersAmong([opened])).toEqual([opened]);
  });

  test('a number set back to the preset’s is no change', () => {
    const { base } = settle();
    const once = changed(NEW_SETUP, base, { batch: 8 });
    expect(once.changes).toEqual({ batch: 8 });
    expect(changed(once, base, { batch: base.batch }).changes).toEqual({});
  });

  test('what stands in the way is said', () => {
    expect(obstacle(settleSetup(NEW_SETUP, [], PACKS))).toContain('Open a diffusion teacher');
    expect(obstacle(settleSetup(NEW_SETUP, MODELS, []))).toContain('2 classes');
    expect(obstacle(settle({ preset: 'paper-cifar10', changes: { batch: 16 } }))).toContain('at least 128');
    expect(distilRequest(settle({ changes: { batch: 1 } }), NEW_RUN)).toBeNull();
  });

  test('the user’s own files', () => {
    const files = [new File(['x'], 'mine.zip')];
    const own = { files, name: 'mine.zip', check: look(2), error: null };
    const settled = settle({ data: 'own', own });
    expect(settled).toMatchObject({ pack: null, own });
    expect(distilRequest(settled, NEW_RUN)?.data).toEqual({ kind: 'files', files, name: 'mine.zip' });
  });

  test('DiffAugment is offered for few images of one’s own, where a discriminator learns', () => {
    const own = { files: [], name: 'mine', check: look(2), error: null };
    const few = (size: number, changes: DistilSetup['changes'] = {}) =>
      fewImages(settle({ data: 'own', own: { ...own, check: { ...look(2), size } }, changes }));
    expect(few(320)).toBe(320);
    expect(few(4_999)).toBe(4_999);
    expect(few(5_000)).toBeNull();
    expect(few(320, { method: 'imitation' })).toBeNull();
    expect(fewImages(settle({ data: 'own', own: { ...own, check: null } }))).toBeNull();
    expect(fewImages(settle())).toBeNull(); // a sample pack
    for (const preset of ['small', 'paper-faces'] as const)
      expect(settle({ preset, data: 'own', own }).config.diffAugment).toBe(false);
    const asked = settle({ data: 'own', own, changes: { diffAugment: true } });
    expect(distilRequest(asked, NEW_RUN)?.config.diffAugment).toBe(true);
  });

  test('own files that are not looked at yet, cannot be read, or lack the teacher’s classes stop a start', () => {
    const own = { files: [], name: 'mine', check: null, error: null };
    expect(obstacle(settle({ data: 'own', own }))).toBe('Your images are being looked at.');
    const broken = { ...own, error: 'mine: no image of the data set can be read.' };
    expect(obstacle(settle({ data: 'own', own: broken }))).toBe(broken.error);
    const settled = settle({ data: 'own', own: { ...own, check: look(0) } });
    expect(obstacle(settled)).toBe('mine: has no classes; the teacher has 2.');
    expect(distilRequest(settled, NEW_RUN)).toBeNull();
    // The teachers that fit are offered, those of as many channels first.
    const grey = model('grey', { role: 'teacher', labelDim: 0, channels: 1 });
    const offers = teachersForOwn(settled, [...MODELS, grey]);
    expect(offers.map((m) => m.key).filter((key) => ['cats', 'grey'].includes(key))).toEqual([
      'grey',
      'cats',
    ]);
    expect(offers.every((m) => m.labelDim === 0)).toBe(true);
    expect(teachersForOwn(settle({ data: 'own', own: { ...own, check: look(2) } }), MODELS)).toEqual([]);
  });
});

const look = (labelDim: number): DataCheck => ({
  name: 'mine',
  size: 9,
  looked: 9,
  labelDim,
  classes: null,
  channels: 1,
  sizes: [],
  otherSizes: 0,
  thumbnails: { pixels: new Uint8ClampedArray(0), resolution: 48, count: 0 },
  skipped: 0,
  reasons: '',
  notes: [],
});

describe('snapshots', () => {
  const shot = (images: number): Snapshot => ({
    images,
    pixels: new Uint8ClampedArray(4),
    resolution: 1,
    student: true,
  });

  test('stay few, spread over the run, with both ends', () => {
    const list: Snapshot[] = [];
    for (let i = 0; i <= 1000; i++) addSnapshot(list, shot(i * 32), 60);
    expect(list).toHaveLength(60);
    expect(list[0]!.images).toBe(0);
    expect(list.at(-1)!.images).toBe(32_000);
    const gaps = list.slice(1).map((s, i) => s.images - list[i]!.images);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * 1024);
    expect(Math.min(...gaps)).toBeGreaterThan(0);
  });

  test('one made again at the same moment takes its place', () => {
    const list: Snapshot[] = [];
    for (const images of [0, 8, 8]) addSnapshot(list, shot(images), 60);
    expect(list.map((s) => s.images)).toEqual([0, 8]);
  });

  test('the nearest one', () => {
    const list = [0, 8, 32].map(shot);
    expect([-5, 3, 5, 21, 99].map((x) => nearestSnapshot(list, x))).toEqual([0, 0, 1, 2, 2]);
    expect(nearestSnapshot([], 3)).toBe(-1);
  });
});

describe('spread', () => {
  const points = (...spreads: (number | undefined)[]) =>
    spreads.map((sampleSpread, i) => ({ images: 8 * i, sampleSpread }));

  test('a warning when the samples twice differ less than half as much as at their best', () => {
    expect(narrowing(points(0.3, 0.8, 0.3, undefined, 0.2))).toEqual({ now: 0.2, best: 0.8, at: 8 });
    expect(narrowing(points(0.3, 0.8, 0.3))).toBeNull(); // once may be chance
    expect(narrowing(points(0.3, 0.8, 0.3, 0.5))).toBeNull();
    expect(narrowing(points(0.1, 0.2, 0.3))).toBeNull();
    expect(narrowing([])).toBeNull();
  });
});

describe('going back', () => {
  test('drops what came after', () => {
    const history = {
      points: [1, 2, 3].map((iteration) => ({ iteration, images: 8 * iteration }) as CurvePoint),
      snapshots: [0, 8, 24].map((images) => ({ images }) as Snapshot),
    };
    rewind(history, 2, 16);
    expect(history.points.map((p) => p.iteration)).toEqual([1, 2]);
    expect(history.snapshots.map((p) => p.images)).toEqual([0, 8]);
  });

  test('the time axis is the time of steps', () => {
    const points = [2, 4].map((imagesPerSecond) => ({ imagesPerSecond }) as CurvePoint);
    expect(stepSeconds(points, 8)).toEqual([4, 6]);
  });
});

describe('estimate', () => {
  const step = {
    measuredImages: 4,
    secondsPerStep: 1,
    secondsPerImage: 0.5,
    backend: 'webgpu',
    resolution: 32,
    heldBytes: 5e7,
    fixedBytes: 1e8,
    bytesPerImage: 1e8,
    secondsPerSample: 0,
    secondsPerCompared: 0,
  };
  const setup = settle();
  const { config } = setup;

  test('time and memory grow with the images; smaller parts are offered where they would not fit', () => {
    expect(costOf({ ...step, limitBytes: 4e9 }, setup)).toEqual({
      seconds: 5313, // 313 steps of one second, and half a second an image
      bytes: 3.3e9,
      fits: true,
      smaller: null,
    });
    // What is recomputed need not be held, in a GAN before its batch is taken in parts.
    expect(costOf({ ...step, limitBytes: 3e9 }, setup)).toMatchObject({ fits: true, bytes: 3e9 });
    expect(costOf({ ...step, limitBytes: 1e9 }, setup)).toMatchObject({ fits: false, smaller: 16 });
    expect(
      costOf({ ...step, limitBytes: 8e8 }, { ...setup, config: { ...config, microBatch: 16 } }),
    ).toMatchObject({
      bytes: 1e8 + 0.45 * 1.6e9,
      fits: false,
      smaller: 8,
    });
    const imitation = { ...setup, config: { ...config, method: 'imitation' as const } };
    expect(costOf({ ...step, limitBytes: 3e9 }, imitation)).toMatchObject({
      bytes: 3.3e9,
      fits: false,
      smaller: 16,
    });
    expect(costOf({ ...step, limitBytes: 2e8 }, setup).smaller).toBeNull();
    expect(costOf({ ...step, limitBytes: null }, setup)).toMatchObject({ fits: true });
  });

  test('memory is that of the parts the run really takes', () => {
    const wasm = { ...step, backend: 'wasm', resolution: 64, limitBytes: null };
    // Too many to be taken whole, even with all recomputed that can be.
    const config = { ...setup.config, batch: 256, secondFeatures: 'vgg16-bn' as const };
    const parts = fitMicroBatch(config, 64, 'wasm').microBatch;
    expect(parts).toBeGreaterThan(0);
    expect(parts).toBeLessThan(config.batch);
    expect(costOf(wasm, { ...setup, config }).bytes).toBe(step.fixedBytes + parts * step.bytesPerImage);
  });

  test('samples and distances count too', () => {
    const dear = { ...step, limitBytes: null, secondsPerSample: 1, secondsPerCompared: 0.5 };
    const wanted = {
      ...setup,
      config: { ...config, images: 3_200 },
      sampleEvery: 10,
      measureImages: 100,
      measureEvery: 800,
    };
    // 100 steps and 3,200 images; eleven sheets of twelve; seven distances and the teacher's, against 500 real images.
    expect(costOf(dear, wanted).seconds).toBe(100 + 1_600 + (11 * 12 + 8 * 100) + (9 * 100 + 500) * 0.5);
    expect(costOf(dear, { ...wanted, measureImages: 0 }).seconds).toBe(100 + 1_600 + 11 * 12);
  });

  test('a cheap distance is on everywhere; a student that is gone on from keeps its steps', () => {
    expect(setup).toMatchObject({ measureImages: 128, measureEvery: 625, config: { startSigma: 2.5 } });
    const models = [model('clothes'), model('made', { role: 'student', sigma: 40 })];
    const from = settleSetup({ ...NEW_SETUP, teacher: 'clothes', student: 'made' }, models, []);
    expect(from.config).toMatchObject({ startSigma: 40, nfe: 1 });
    const two = [model('clothes'), model('made', { role: 'student', sigma: 40, sigmaMid: 1 })];
    const on = settleSetup({ ...NEW_SETUP, teacher: 'clothes', student: 'made' }, two, []);
    expect(on.config).toMatchObject({ startSigma: 40, nfe: 2, sigmaMid: 1 });
    expect(on.base).toEqual(on.config); // nothing to reset
  });

  test('holds for another batch and another number of images, not for another network', () => {
    const key = (setup: Partial<DistilSetup>) =>
      estimateKey(settle(setup), { name: 'wasm', label: '1 thread' });
    expect(key({ changes: { batch: 8, images: 5 } })).toBe(key({}));
    for (const other of [
      { teacher: 'cats' },
      { changes: { method: 'gdd' } as const },
      { changes: { nfe: 2 } as const },
    ])
      expect(key(other)).not.toBe(key({}));
  });
});

describe('time left', () => {
  const point = (iteration: number, more: Partial<CurvePoint> = {}) =>
    ({ iteration, images: 10 * iteration, imagesPerSecond: 5, ...more }) as CurvePoint; // two seconds a step
  const run = (points: CurvePoint[], beside = 0) => ({
    history: { points, snapshots: [] },
    config: { ...settle().config, images: 1_000, batch: 10 },
    request: { sampleSeeds: [0], sampleEvery: 10, measureImages: 100, measureEvery: 100 },
    beside,
  });

  test('is nothing before two steps, and leaves the first one out: it compiles', () => {
    expect(secondsLeft(run([point(1)]))).toBeNull();
    expect(secondsLeft(run([point(1, { imagesPerSecond: 0.1 }), point(2)]))).toBe(98 * 2);
  });

  test('counts samples and distances for as often as they still come, and what goes beside them', () => {
    const points = [
      point(1),
      point(10, { sampleSeconds: 3, measureSeconds: 20 }),
      point(11),
      point(20, { sampleSeconds: 5, measureSeconds: 20 }),
    ];
    // 80 steps, eight samplings, eight distances; half a second a step beside.
    expect(secondsLeft(run(points, 0.5))).toBe(80 * 2.5 + 8 * 4 + 8 * 20);
  });
});

describe('pace', () => {
  test('what the engine does not account for is told apart, once is no measure', () => {
    const pace = new Pace();
    pace.resume(0, 0);
    pace.step(9_000, 32);
    expect(pace.beside).toBe(0);
    for (const [ms, known] of [
      [11_000, 1.5],
      [13_500, 2],
      [60_000, 2], // real images were measured, once
    ] as const)
      pace.step(ms, 64, known);
    expect(pace.beside).toBe(0.5);
  });

  test('by the clock, without the first step and without pauses', () => {
    const pace = new Pace();
    pace.resume(0, 0);
    pace.step(60_000, 32); // compiles shaders
    expect(pace.value).toBeNull();
    pace.step(64_000, 64);
    expect(pace.value).toBe(8);
    pace.pause();
    pace.step(500_000, 96); // a single step while paused
    pace.resume(900_000, 96);
    pace.step(904_000, 128);
    expect(pace.value).toBe(8);
  });
});

test('curves as a table', () => {
  const point: CurvePoint = {
    iteration: 1,
    images: 8,
    lossG: 2.5,
    lossD: null,
    r1: null,
    logitsReal: 0.5,
    logitsFake: -0.5,
    gradientNormG: 1,
    gradientNormD: null,
    imagesPerSecond: 4,
    frechet: 12,
  };
  expect(curvesCsv([point])).toBe(
    'iteration,images,lossG,lossD,logitsReal,logitsFake,r1,gradientNormG,gradientNormD,imagesPerSecond,frechet,frechetError,spread,sampleSpread\n' +
      '1,8,2.5,,0.5,-0.5,,1,,4,12,,,\n',
  );
  const { about, config } = distilRequest(settle(), NEW_RUN)!;
  expect(fileStem({ ...about, name: 'Clothes student, run 1' }, config, 8)).toBe(
    'clothes-student-run-1-gdd-i-8-images',
  );
});
