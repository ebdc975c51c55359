import { describe, expect, test } from 'vitest';
import type { CurvePoint } from '../../../src/distil/curve';
import { InnateError } from '../../../src/lib/errors';
import type { DataCheck } from '../../../src/protocol/distil';
import type { ModelInfo } from '../../../src/protocol/models';
import { createStores } from '../../../src/state/app-state';
import { createController } from '../../../src/state/controller';
import { studentName } from '../../../src/state/distil/setup';
import { isUnderWay } from '../../../src/state/distil/store';
import { defaultView } from '../../../src/state/generate/view';
import { CATALOGUE, PACKS } from '../../support/clothes';
import { FakeClient, tick } from '../../support/fake-client';

const STUDENT: ModelInfo = {
  key: 'made-1',
  name: 'Student after 64 images',
  role: 'student',
  resolution: 32,
  channels: 1,
  labelDim: 0,
  classes: null,
  parameters: 1,
  precond: 'EDMPrecond',
  sigma: 80,
  sigmaFrom: 'file',
  sigmaMid: null,
  architecture: 'DDPM++',
  bytes: 0,
  licence: null,
  notes: [],
  entries: ['ema'],
  entry: 'ema',
  kept: false,
};

const point = (iteration: number): CurvePoint => ({
  iteration,
  images: iteration * 32,
  lossG: 1,
  lossD: 1,
  r1: null,
  logitsReal: 0,
  logitsFake: 0,
  gradientNormG: 1,
  gradientNormD: 1,
  imagesPerSecond: 4,
});

async function set(packs = PACKS) {
  const client = new FakeClient();
  const stores = createStores({ ...defaultView(1), tab: 'distil' }, null);
  const frames: (() => void)[] = [];
  const clock = { ms: 0 };
  const list = { text: packs };
  const controller = createController({
    client,
    stores,
    engine: { modelsUrl: '', wasmBinaries: {} },
    loadCatalogue: async () => CATALOGUE,
    loadPacks: async () => list.text,
    loadLayers: async () => '{}',
    loadSheet: async () => null,
    address: () => '',
    nextFrame: (callback) => frames.push(callback),
    now: () => clock.ms,
  });
  await controller.boot();
  await (await controller.openDistil()).loadPacks();
  const frame = () => {
    for (const callback of frames.splice(0)) callback();
  };
  return { client, stores, controller, frame, frames, clock, list, run: () => stores.distil.getState().run! };
}

test('a run from its start to a student in Generate', async () => {
  const s = await set();
  s.frame();
  s.controller.distil.start();
  expect(s.run()).toMatchObject({
    about: { number: 1, name: 'Clothes student, run 1' },
    phase: 'preparing',
    ended: false,
  });
  const run = s.client.distilled[0]!;
  run.emit({ kind: 'preparing', what: 'downloading images', done: 1, total: 2 });
  expect(s.run().preparing).toEqual({ what: 'downloading images', done: 1, total: 2 });
  run.emit({ kind: 'phase', phase: 'running', error: null, wayBack: null });
  expect(s.run()).toMatchObject({ phase: 'running', preparing: null });
  run.emit({ kind: 'samples', images: 0, pixels: new Uint8ClampedArray(4), resolution: 1, student: true });
  for (const i of [1, 2]) {
    s.clock.ms += 8000;
    run.emit({ kind: 'point', point: point(i), memoryBytes: 1, peakBytes: 2 });
  }
  expect(s.frames).toHaveLength(1); // many points, one update
  expect(s.run().version).toBe(0);
  s.frame();
  expect(s.run()).toMatchObject({ version: 1, pace: 4 });
  expect(s.run().history.points).toHaveLength(2);
  expect(isUnderWay(s.run())).toBe(true);
  await run.end({ phase: 'finished', images: 64, student: STUDENT });
  expect(s.run()).toMatchObject({ phase: 'finished', ended: true });
  expect(s.stores.engine.getState().opened).toEqual([STUDENT]);
  await s.controller.distil.showStudent();
  expect(s.stores.view.getState()).toMatchObject({ tab: 'generate', model: 'made-1', sampler: null });
  await s.controller.distil.exportRun('student');
  expect(s.client.exported).toEqual([{ model: { kind: 'opened', key: 'made-1' }, dtype: 'f16' }]);
});

test('a run that computes stands among what takes long, and pauses from there', async () => {
  const s = await set();
  s.controller.distil.start();
  const run = s.client.distilled[0]!;
  const steps = () => s.stores.steps.getState().steps;
  expect(steps()).toEqual([]);
  run.emit({ kind: 'phase', phase: 'running', error: null, wayBack: null });
  run.emit({ kind: 'point', point: point(1), memoryBytes: 1, peakBytes: 2 });
  s.frame();
  expect(steps()).toMatchObject([
    {
      kind: 'distilling',
      subject: 'Clothes student, run 1',
      place: { tab: 'distil', run: s.run().about.id },
    },
  ]);
  expect(steps()[0]!.progress).toMatchObject({ done: 32, total: s.run().config.images });
  steps()[0]!.stop.perform();
  expect(s.run().asked).toBe('pause');
  run.emit({ kind: 'phase', phase: 'paused', error: null, wayBack: null });
  expect(steps()).toEqual([]);
  run.emit({ kind: 'phase', phase: 'running', error: null, wayBack: null });
  expect(steps()).toHaveLength(1);
  await run.end({ phase: 'finished', images: 64, student: STUDENT });
  expect(steps()).toEqual([]);
});

test('one run at a time; after it another one', async () => {
  const s = await set();
  s.controller.distil.start();
  s.controller.distil.start();
  expect(s.client.distilled).toHaveLength(1);
  await s.client.distilled[0]!.end({ phase: 'stopped', images: 0, student: null });
  s.controller.distil.show('setup');
  s.controller.distil.start();
  expect(s.run()).toMatchObject({ about: { number: 2 }, version: 0, history: { points: [], snapshots: [] } });
  expect(s.stores.distil.getState().shown).toBe('run');
  // What the first one still says is not about the second.
  s.client.distilled[0]!.emit({ kind: 'phase', phase: 'paused', error: null, wayBack: null });
  expect(s.run().phase).toBe('preparing');
});

describe('controls', () => {
  test('what was asked for stands until it has happened', async () => {
    const s = await set();
    s.controller.distil.start();
    const run = s.client.distilled[0]!;
    run.emit({ kind: 'phase', phase: 'running', error: null, wayBack: null });
    s.controller.distil.control('pause');
    expect(s.run().asked).toBe('pause');
    run.emit({ kind: 'phase', phase: 'paused', error: null, wayBack: null });
    expect(s.run()).toMatchObject({ phase: 'paused', asked: null });
    s.controller.distil.control('step');
    expect(s.run().asked).toBe('step');
    run.emit({ kind: 'point', point: point(1), memoryBytes: 1, peakBytes: 2 });
    expect(s.run().asked).toBeNull();
    expect(s.client.actions).toEqual(['pause', 'step']);
  });

  test('stopping before the first step ends the call', async () => {
    const s = await set();
    s.controller.distil.start();
    s.controller.distil.control('stop');
    await tick();
    expect(s.client.distilled[0]!.signal!.aborted).toBe(true);
    expect(s.run()).toMatchObject({ phase: 'stopped', ended: true, error: null });
  });
});

test('a failure is one line, and what was made stays', async () => {
  const s = await set();
  s.controller.distil.start();
  const run = s.client.distilled[0]!;
  run.emit({ kind: 'phase', phase: 'running', error: null, wayBack: null });
  run.emit({ kind: 'point', point: point(1), memoryBytes: 1, peakBytes: 2 });
  run.emit({ kind: 'phase', phase: 'failed', error: 'the loss is not a number any more', wayBack: null });
  await run.fail(
    new InnateError('backend', 'the loss is not a number any more', { hint: 'Lower the rates' }),
  );
  expect(s.run()).toMatchObject({
    phase: 'failed',
    ended: true,
    error: 'the loss is not a number any more. Lower the rates',
  });
  expect(s.run().history.points).toHaveLength(1);
  expect(s.stores.engine.getState().error).toBeNull();
});

test('a damaged list of packs is said and can be read again', async () => {
  const s = await set('{');
  expect(s.stores.distil.getState()).toMatchObject({
    packs: null,
    packsError: expect.stringContaining('sample packs'),
  });
  s.controller.distil.start(); // there is nothing to learn from: nothing happens
  expect(s.client.distilled).toHaveLength(0);
  s.list.text = PACKS;
  await s.controller.distil.loadPacks();
  expect(s.stores.distil.getState()).toMatchObject({ packsError: null, packs: [{ name: 'Clothes' }] });
});

test('settings: numbers, preset, files', async () => {
  const s = await set();
  const { distil } = s.controller;
  const setup = () => s.stores.distil.getState().setup;
  distil.configure({ batch: 8, method: 'gdd' });
  expect(setup().changes).toEqual({ batch: 8, method: 'gdd' });
  distil.set({ preset: 'small' });
  expect(setup()).toMatchObject({ preset: 'small', changes: { method: 'gdd' } });
  distil.takeFiles([]);
  expect(setup().own).toBeNull();
  distil.takeFiles([new File([], 'a.png'), new File([], 'b.png')]);
  expect(setup()).toMatchObject({ data: 'own', own: { name: '2 files', check: null } });
  await tick();
  expect(setup().own?.check).toMatchObject({ size: 2, labelDim: 0 });
});

test('own files are looked at when they are chosen; a look at files that were replaced counts no more', async () => {
  const s = await set();
  const own = () => s.stores.distil.getState().setup.own;
  const answers: ((check: DataCheck) => void)[] = [];
  s.client.checks = () => new Promise((resolve) => answers.push(resolve));
  s.controller.distil.takeFiles([new File([], 'old.zip')]);
  s.controller.distil.takeFiles([new File([], 'new.zip')]);
  answers[0]!({ ...s.client.checked, size: 1 });
  await tick();
  expect(own()).toMatchObject({ name: 'new.zip', check: null });
  answers[1]!({ ...s.client.checked, size: 7 });
  await tick();
  expect(own()?.check?.size).toBe(7);
  s.client.checks = async () => {
    throw new InnateError('mismatch', 'not every image has a label', { where: 'half.zip' });
  };
  s.controller.distil.takeFiles([new File([], 'half.zip')]);
  await tick();
  expect(own()).toMatchObject({ check: null, error: 'half.zip: not every image has a label.' });
});

test('a checkpoint that is opened beside the settings becomes the teacher', async () => {
  const s = await set();
  s.client.opens = async () => ({ ...STUDENT, key: 'opened-1', role: 'unknown' });
  await s.controller.open(new File([], 'mine.pkl'));
  expect(s.stores.view.getState().tab).toBe('distil');
  expect(s.stores.distil.getState().setup.teacher).toBe('opened-1');
});

test('the student is named after its teacher', () => {
  expect(studentName('Clothes, diffusion teacher')).toBe('Clothes student');
  expect(studentName('edm-cifar10.pkl')).toBe('edm-cifar10 student');
});
