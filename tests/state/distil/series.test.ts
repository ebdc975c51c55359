import { describe, expect, test } from 'vitest';
import { preset } from '../../../src/distil/config';
import { InnateError } from '../../../src/lib/errors';
import type { DistilRequest } from '../../../src/protocol/distil';
import { createStores } from '../../../src/state/app-state';
import { createController } from '../../../src/state/controller';
import {
  began,
  cancelled,
  foundAgain,
  isOver,
  makeSeries,
  nextOf,
  released,
  type Series,
  sameFiles,
  settled,
} from '../../../src/state/distil/series/series';
import { createSeriesStore } from '../../../src/state/distil/series/store';
import { defaultView } from '../../../src/state/generate/view';
import { CATALOGUE, PACKS } from '../../support/clothes';
import { FakeClient, tick } from '../../support/fake-client';

const request = (id: string): DistilRequest => ({
  about: {
    id,
    number: 1,
    name: id,
    teacherKey: 't',
    teacherName: 'T',
    dataName: 'D',
    resolution: 32,
    classes: null,
    licence: null,
  },
  teacher: { kind: 'catalogue', id: 't' },
  student: null,
  data: { kind: 'pack', id: 'd' },
  config: preset('small'),
  sampleSeeds: [0],
  sampleEvery: 1,
  measureImages: 64,
  measureEvery: 64,
});
const two = () =>
  makeSeries({ id: 's', name: 'Two' }, [
    { label: 'A', request: request('a') },
    { label: 'B', request: request('b') },
  ]);
const states = (series: Series | null) => series?.runs.map(({ state }) => state);
const ok = { phase: 'finished', error: null, diverged: false } as const;

describe('a series', () => {
  test('is one run after the other, each knows its place', () => {
    let series = two();
    expect(series.runs[1]!.request.about.series).toEqual({
      id: 's',
      name: 'Two',
      label: 'B',
      index: 1,
      of: 2,
    });
    expect(nextOf(series)!.label).toBe('A');
    series = began(series, 'a');
    expect(nextOf(series)).toBeNull();
    series = settled(series, 'a', ok);
    expect(nextOf(series)!.label).toBe('B');
    series = settled(began(series, 'b'), 'b', { ...ok, phase: 'stopped' });
    expect(states(series)).toEqual(['finished', 'stopped']);
    expect(isOver(series)).toBe(true);
    expect(nextOf(series)).toBeNull();
  });

  test('a collapse is a result: the next one follows', () => {
    const series = settled(began(two(), 'a'), 'a', { phase: 'failed', error: 'collapsed', diverged: true });
    expect(series).toMatchObject({ held: null, runs: [{ state: 'failed', error: 'collapsed' }, {}] });
    expect(nextOf(series)!.label).toBe('B');
  });

  test('a failure of the machine holds it, and that run is made again', () => {
    const series = settled(began(two(), 'a'), 'a', { phase: 'failed', error: 'no device', diverged: false });
    expect(series).toMatchObject({ held: 'no device', runs: [{ state: 'running' }, { state: 'waiting' }] });
    expect(nextOf(series)).toBeNull();
    expect(nextOf(released(series))).toBeNull(); // its own run goes on first
  });

  test('cancelled, what is to come is left out', () => {
    const series = cancelled(began(two(), 'a'));
    expect(states(series)).toEqual(['running', 'left out']);
    expect(isOver(settled(series, 'a', { ...ok, phase: 'stopped' }))).toBe(true);
  });

  test('a new visit finds it where the disk says, and waits for a person', () => {
    const running = began(two(), 'a');
    const none = foundAgain(running, null); // killed before the first save
    expect(states(none)).toEqual(['waiting', 'waiting']);
    expect(none.held).toMatch(/closed/);
    const half = foundAgain(running, { end: 'open', error: null });
    expect(states(half)).toEqual(['running', 'waiting']);
    expect(half.held).toMatch(/closed/);
    const done = foundAgain(running, { end: 'finished', error: null });
    expect(states(done)).toEqual(['finished', 'waiting']);
    expect(nextOf(released(done))!.label).toBe('B');
    const last = foundAgain(began(settled(running, 'a', ok), 'b'), { end: 'finished', error: null });
    expect(last.held).toBeNull(); // it was over
  });

  test('takes the same files only', () => {
    const data = { kind: 'files', name: 'mine', files: [{ name: 'a.png', bytes: 1 }] } as const;
    const saved = { ...data, files: [...data.files] };
    expect(sameFiles(saved, [new File(['xx'], 'a.png')])).toBeNull();
    expect(sameFiles(saved, [new File(['x'], 'b.png')])).toBeNull();
    expect(sameFiles(saved, [new File(['x'], 'a.png'), new File(['x'], 'b.png')])).toMatchObject({
      files: [{ name: 'a.png' }],
    });
  });
});

/** What a browser keeps. */
function memory(): Pick<Storage, 'getItem' | 'setItem'> & { text: Map<string, string> } {
  const text = new Map<string, string>();
  return {
    text,
    getItem: (key) => text.get(key) ?? null,
    setItem: (key, value) => void text.set(key, value),
  };
}

describe('what a browser keeps of it', () => {
  test('is the series; what is damaged or of another version is none', () => {
    const storage = memory();
    createSeriesStore(storage).setState({ series: began(two(), 'a') });
    expect(createSeriesStore(storage).getState().series).toEqual(began(two(), 'a'));
    for (const text of ['{', '{"version":2}', '{"version":1,"id":"s","runs":[{}]}', '7']) {
      storage.text.set('innate.series', text);
      expect(createSeriesStore(storage).getState().series).toBeNull();
    }
    expect(createSeriesStore(null).getState().series).toBeNull();
  });
});

async function page(storage = memory()) {
  const client = new FakeClient();
  const stores = createStores({ ...defaultView(1), tab: 'distil' }, storage);
  const controller = createController({
    client,
    stores,
    engine: { modelsUrl: '', wasmBinaries: {} },
    loadCatalogue: async () => CATALOGUE,
    loadPacks: async () => PACKS,
    loadLayers: async () => '{}',
    loadSheet: async () => null,
    address: () => '',
    nextFrame: () => {},
    now: () => 0,
  });
  await controller.boot();
  await (await controller.openDistil()).loadPacks();
  const series = () => stores.series.getState().series;
  return { client, stores, series, storage, distil: controller.distil };
}

const MEMBERS = [
  { label: 'GDD-I', changes: { method: 'gdd-i' } },
  { label: 'Decoder only', changes: { method: 'gdd', freeze: ['enc.*', 'map_*'] } },
] as const;
const SHARED = { name: 'Two choices', changes: { images: 64 }, measureImages: 64, measureEvery: 32 };
const finished = { phase: 'finished', images: 64, student: null } as const;

describe('the page', () => {
  test('makes the runs of a series, on one budget, and stays where it is', async () => {
    const s = await page();
    expect(s.distil.startSeries([...MEMBERS], SHARED)).toBeNull();
    expect(s.stores.distil.getState().shown).toBe('series');
    expect(s.client.distilled).toHaveLength(1);
    expect(s.distil.startSeries([...MEMBERS], SHARED)).toMatch(/under way/);
    s.distil.start(); // one run at a time
    expect(s.client.distilled).toHaveLength(1);
    await s.client.distilled[0]!.end(finished);
    await tick();
    const [a, b] = s.client.distilled.map((run) => run.request as DistilRequest);
    expect(b).toMatchObject({
      about: { number: 2, name: 'Clothes student, run 2, Decoder only', series: { index: 1, of: 2 } },
      config: { method: 'gdd', freeze: ['enc.*', 'map_*'], images: 64 },
    });
    const { method, freeze, ...shared } = a!.config;
    expect(b!.config).toMatchObject(shared);
    expect([method, freeze]).toEqual(['gdd-i', null]);
    expect([a, b].map((r) => [r!.measureImages, r!.measureEvery, r!.sampleEvery])).toEqual([
      [64, 32, 1],
      [64, 32, 1],
    ]);
    s.distil.show('run');
    await s.client.distilled[1]!.end(finished);
    await tick();
    expect(states(s.series())).toEqual(['finished', 'finished']);
    expect(s.stores.distil.getState().shown).toBe('run');
  });

  test('goes on after a run that was stopped, waits while one is paused, and ends when it is cancelled', async () => {
    const s = await page();
    s.distil.startSeries([...MEMBERS, { label: 'All', changes: { method: 'gdd' } }], SHARED);
    const first = s.client.distilled[0]!;
    first.emit({ kind: 'phase', phase: 'paused', error: null, wayBack: null });
    expect(s.client.distilled).toHaveLength(1);
    await first.end({ phase: 'stopped', images: 32, student: null });
    await tick();
    expect(s.client.distilled).toHaveLength(2);
    s.client.distilled[1]!.emit({ kind: 'phase', phase: 'running', error: null, wayBack: null });
    s.distil.cancelSeries();
    expect(s.client.actions).toEqual(['stop']);
    await s.client.distilled[1]!.end({ phase: 'stopped', images: 32, student: null });
    await tick();
    expect(states(s.series())).toEqual(['stopped', 'stopped', 'left out']);
    expect(s.client.distilled).toHaveLength(2);
  });

  test('goes on after a collapse, and is held by a failure of the machine until a person says so', async () => {
    const s = await page();
    s.distil.startSeries([...MEMBERS], SHARED);
    const fail = async (i: number, wayBack: 'best' | null, error: InnateError) => {
      s.client.distilled[i]!.emit({ kind: 'phase', phase: 'failed', error: error.describe(), wayBack });
      await s.client.distilled[i]!.fail(error);
      await tick();
    };
    await fail(0, 'best', new InnateError('backend', 'the student has collapsed'));
    expect(states(s.series())).toEqual(['failed', 'running']);
    await fail(1, null, new InnateError('backend', 'the device is gone'));
    expect(s.series()).toMatchObject({ held: 'the device is gone', runs: [{}, { state: 'running' }] });
    expect(s.client.distilled).toHaveLength(2);
  });

  test('offers to go on after a reload: with the next run, or with the one that was under way', async () => {
    const before = await page();
    before.distil.startSeries([...MEMBERS], SHARED);
    const id = (before.client.distilled[0]!.request as DistilRequest).about.id;
    // The tab is killed before its first save.
    const s = await page(before.storage);
    s.client.answers = (call) => (call.do === 'list' ? { runs: [], unreadable: [] } : null);
    await s.distil.loadSeries();
    expect(s.client.distilled).toHaveLength(0); // nothing starts by itself
    expect(s.series()).toMatchObject({ held: 'The page was closed.' });
    await s.distil.goOnWithSeries();
    expect((s.client.distilled[0]!.request as DistilRequest).about.id).toBe(id);
    await s.client.distilled[0]!.end(finished);
    await tick();
    expect(s.client.distilled).toHaveLength(2);

    // And in the middle of the second, which has been saved.
    const second = (s.client.distilled[1]!.request as DistilRequest).about;
    const again = await page(s.storage);
    const record = {
      about: second,
      config: preset('small'),
      end: 'open',
      request: {},
      plan: null,
      thinned: 0,
    };
    const summary = { record, busy: false, unsaved: false, bytes: 1, missing: null, preview: null };
    again.client.answers = (call) =>
      call.do === 'list' ? { runs: [summary], unreadable: [] } : { ...summary, curve: [], samples: [] };
    await again.distil.loadSeries();
    expect(states(again.series())).toEqual(['finished', 'running']);
    await again.distil.goOnWithSeries();
    expect(again.client.distilled[0]!.request).toMatchObject({ resume: second.id });
    expect(again.stores.distil.getState().shown).toBe('series');
    await again.client.distilled[0]!.end(finished);
    await tick();
    expect(states(again.series())).toEqual(['finished', 'finished']);
    expect(again.series()!.held).toBeNull();
  });

  test('leaves a series alone that another tab is at', async () => {
    const before = await page();
    before.distil.startSeries([...MEMBERS], SHARED);
    const { about } = before.client.distilled[0]!.request as DistilRequest;
    const s = await page(before.storage);
    s.client.answers = () => ({ runs: [{ record: { about, end: 'open' }, busy: true }], unreadable: [] });
    await s.distil.loadSeries();
    expect(s.series()!.held).toBeNull();
    expect(states(s.series())).toEqual(['running', 'waiting']);
  });

  test('says what stands in the way', async () => {
    const s = await page();
    const wrong = { label: 'Paper', changes: { heads: 'paper', batch: 8 } } as const;
    expect(s.distil.startSeries([...MEMBERS, wrong], SHARED)).toMatch(/^Paper: .*at least 128/);
    expect(s.client.distilled).toHaveLength(0);
    expect(s.series()).toBeNull();
  });
});
