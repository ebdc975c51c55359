import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Row } from '../../../src/lib/activations';
import { InnateError } from '../../../src/lib/errors';
import type { InspectEvent, InspectRequest, LookRequest, LookResult } from '../../../src/protocol/layers';
import { createStores } from '../../../src/state/app-state';
import { parsePacks } from '../../../src/state/distil/packs';
import { defaultView } from '../../../src/state/generate/view';
import { createLayersController, type LayersController } from '../../../src/state/layers/controller';
import { parseCatalogue } from '../../../src/storage/catalogue';
import { FakeClient, STATUS, tick } from '../../support/fake-client';

const catalogue = parseCatalogue(readFileSync('public/models/index.json', 'utf8'));
const packs = parsePacks(readFileSync('public/data/index.json', 'utf8'));
const stored = readFileSync('public/layers/fashion-mnist-32x32-teacher.json', 'utf8');
const ROWS: Row[] = (
  JSON.parse(stored) as { blocks: { name: string; resolution: number; channels: number }[] }
).blocks.map(({ name, resolution, channels }) => ({ name, block: name, part: null, resolution, channels }));

interface Measurement {
  request: InspectRequest;
  signal: AbortSignal;
  emit: (event: InspectEvent) => void;
  end: () => Promise<void>;
  fail: (error: InnateError) => Promise<void>;
}

class Client extends FakeClient {
  readonly measurements: Measurement[] = [];
  readonly looks: {
    request: LookRequest;
    answer: (result: LookResult) => Promise<void>;
    fail: (error: InnateError) => Promise<void>;
  }[] = [];

  override inspect(
    request: InspectRequest,
    options: { signal?: AbortSignal; onEvent: (e: InspectEvent) => void },
  ): Promise<'complete'> {
    return new Promise((resolve, reject) => {
      this.measurements.push({
        request,
        signal: options.signal!,
        emit: options.onEvent,
        end: async () => {
          resolve('complete');
          await tick();
        },
        fail: async (error) => {
          reject(error);
          await tick();
        },
      });
    });
  }

  override look(request: LookRequest): Promise<never> {
    return new Promise((resolve, reject) => {
      this.looks.push({
        request,
        fail: async (error) => {
          reject(error);
          await tick();
        },
        answer: async (result) => {
          resolve(result as never);
          await tick();
        },
      });
    });
  }
}

let client: Client;
let layers: LayersController;
let stores: ReturnType<typeof createStores>;
let clock: number;

/** What the site answers for the measurements that come with the page. */
let site: (teacher: string) => Promise<string>;

beforeEach(() => {
  client = new Client();
  site = async (id) => {
    if (id === 'fashion-mnist-32x32-teacher') return stored;
    throw new InnateError('io', 'no such file');
  };
  clock = 0;
  stores = createStores({ ...defaultView(), tab: 'layers', model: 'fashion-mnist-32x32-gdd-i' }, null);
  stores.catalogue.setState({ catalogue });
  stores.engine.setState({ status: STATUS });
  stores.distil.setState({ packs });
  layers = createLayersController(options());
});

/** Numbers of one level, all `value`. */
const level = (at: number, value: number): InspectEvent => ({
  kind: 'samples',
  samples: { level: at, count: 1, values: { rms: new Float32Array(ROWS.length).fill(value) } },
});
const rows: InspectEvent = { kind: 'rows', rows: ROWS, activeThreshold: 0.5 };
const rms = () => layers.store.getState().findings?.table.cell('rms', 0, 3)?.mean ?? null;

describe('the map', () => {
  test('what comes with the page is shown at once and stays until the live one is whole', async () => {
    layers.show();
    clock = 40;
    await tick();
    expect(layers.store.getState().findings?.source).toBe('beforehand');
    expect(layers.store.getState().timing.shown).toBe(40);
    const [first] = client.measurements;
    expect(first!.request).toMatchObject({
      model: { id: 'fashion-mnist-32x32-teacher' },
      student: { id: 'fashion-mnist-32x32-gdd-i' },
      input: { kind: 'noised', data: { kind: 'pack', id: 'fashion-mnist-32x32' } },
    });
    expect(first!.request.examples).toBe(0); // compared beforehand
    first!.emit(rows);
    for (let i = 0; i < 17; i++) first!.emit(level(i, 7));
    expect(layers.store.getState().findings?.source).toBe('beforehand');
    first!.emit(level(17, 7));
    expect(layers.store.getState().findings?.source).toBe('here');
    expect(rms()).toBe(7);
    // What was compared beforehand is still known.
    expect(layers.store.getState().findings?.likeness?.examples).toBe(64);
    await first!.end();
    expect(layers.store.getState().measuring).toBe(false);
  });

  test('without one, the coarse look is shown first', async () => {
    stores.view.setState({ layers: 'spacing=log&levels=9' });
    site = () => Promise.reject(new Error('none'));
    layers.show();
    await tick();
    const [first] = client.measurements;
    first!.emit(rows);
    first!.emit({
      kind: 'coarse',
      samples: { level: 3, count: 1, values: { rms: new Float32Array(ROWS.length).fill(2) } },
    });
    const { findings } = layers.store.getState();
    expect(findings?.coarse.cell('rms', 0, 3)?.mean).toBe(2);
    expect(findings?.table.cell('rms', 0, 3)).toBeNull();
    expect(first!.request.sigmas).toHaveLength(9);
    expect(first!.request.examples).toBeGreaterThan(0);
  });

  test('the quantity on the screen is measured first; another one is no new question', async () => {
    layers.show();
    await tick();
    expect(client.measurements.map((m) => m.request.first)).toEqual([['rms']]);
    layers.set({ quantity: 'entropy' });
    await tick();
    expect(client.measurements).toHaveLength(1);
    layers.set({ input: 'noise' });
    await tick();
    expect(client.measurements[1]!.request.first).toContain('entropy');
  });

  test('a newer question ends the older one, whose late answers count for nothing', async () => {
    layers.show();
    await tick();
    layers.set({ input: 'noise' });
    await tick();
    const [first, second] = client.measurements;
    expect(first!.signal.aborted).toBe(true);
    expect(second!.request.input.kind).toBe('noise');
    second!.emit(rows);
    second!.emit(level(3, 5));
    expect(rms()).toBe(5); // another input: the old map does not stay
    first!.emit(rows);
    first!.emit(level(3, 9));
    expect(rms()).toBe(5);
  });

  test('what was measured is there again at once', async () => {
    layers.show();
    await tick();
    const [first] = client.measurements;
    first!.emit(rows);
    for (let i = 0; i < 18; i++) first!.emit(level(i, 7));
    await first!.end();
    layers.set({ input: 'noise' });
    await tick();
    layers.set({ input: 'noised' });
    await tick();
    expect(rms()).toBe(7);
    expect(client.measurements).toHaveLength(2);
  });

  test('a failure is one line; leaving the tab ends the measurement', async () => {
    layers.show();
    await tick();
    await client.measurements[0]!.fail(new InnateError('backend', 'out of memory'));
    expect(layers.store.getState().error).toEqual({ of: 'map', line: 'out of memory' });
    layers.dismissError();
    layers.set({ samples: 2 });
    await tick();
    layers.hide();
    expect(client.measurements[1]!.signal.aborted).toBe(true);
    expect(layers.store.getState()).toMatchObject({ error: null, measuring: false });
  });
});

describe('what comes with the page', () => {
  const { blocks, ...rest } = JSON.parse(stored);
  const notFound = '<!doctype html><html><body>Not here</body></html>';
  const changed = (changes: object) => JSON.stringify({ blocks, ...rest, ...changes });

  test.each([
    ['a page that says so', notFound],
    ['half of it', stored.slice(0, stored.length / 2)],
    ['null', 'null'],
    ['a list', '[]'],
    ['without blocks', changed({ blocks: undefined })],
    ['with numbers for blocks', changed({ blocks: [1, 2] })],
    ['with one noise level too many', changed({ sigmas: [81, ...rest.sigmas] })],
    ['with a likeness of other blocks', changed({ student: { ...rest.student, likeness: { cka: [] } } })],
    ['of no known weights', changed({ weights: undefined })],
    ['of another teacher', changed({ model: 'afhq-cat-64x64-teacher' })],
  ])('%s is as good as nothing: it is measured here', async (_, text) => {
    site = async () => text;
    layers.show();
    await tick();
    expect(layers.store.getState()).toMatchObject({ findings: null, error: null, measuring: true });
    expect(client.measurements).toHaveLength(1);
    expect(client.measurements[0]!.request.examples).toBeGreaterThan(0); // nothing was compared beforehand
  });

  test('is asked for once more when the tab is shown again', async () => {
    site = async () => notFound;
    layers.show();
    await tick();
    layers.hide();
    site = async () => stored;
    layers.show();
    await tick();
    await tick();
    expect(layers.store.getState().findings?.source).toBe('beforehand');
  });

  test('is not taken for another student’s', async () => {
    const teacher = catalogue.models.find((m) => m.id === 'fashion-mnist-32x32-teacher')!;
    const own = { ...catalogue.models.find((m) => m.teacher === teacher.id)!, id: 'own-student' };
    stores.catalogue.setState({ catalogue: { ...catalogue, models: [...catalogue.models, own] } });
    stores.view.setState({ model: teacher.id });
    layers.set({ partner: 'own-student' });
    layers.show();
    await tick();
    expect(layers.store.getState().pair?.student?.key).toBe('own-student');
    expect(layers.store.getState().findings).toMatchObject({
      source: 'beforehand',
      student: null,
      likeness: null,
    });
    expect(client.measurements[0]!.request.examples).toBeGreaterThan(0);
  });

  test('a list of sample packs that cannot be had does not keep the map from being measured', async () => {
    stores.distil.setState({ packs: null, packsError: null });
    layers.show();
    await tick();
    expect(client.measurements).toHaveLength(0); // on its way
    stores.distil.setState({ packsError: 'data/index.json, byte 0: the list of sample packs is damaged' });
    await tick();
    expect(client.measurements[0]!.request.input).toMatchObject({ kind: 'trajectory', data: null });
  });
});

describe('maps that were measured', () => {
  /** Measures the map of a seed, `samples` numbers a cell. */
  async function measure(seed: number): Promise<void> {
    stores.view.setState({ seed });
    await tick();
    const last = client.measurements.at(-1)!;
    last.emit(rows);
    for (let i = 0; i < 18; i++) last.emit(level(i, seed));
    await last.end();
  }

  test('are kept up to a number of bytes: the oldest is measured anew', async () => {
    stores.view.setState({ layers: 'samples=64' });
    layers.show();
    await tick();
    for (let seed = 0; seed < 60; seed++) await measure(seed);
    const before = client.measurements.length;
    stores.view.setState({ seed: 58 });
    await tick();
    expect(client.measurements).toHaveLength(before); // still known
    stores.view.setState({ seed: 0 });
    await tick();
    expect(client.measurements).toHaveLength(before + 1);
  });

  test('one that failed is measured again when it is asked for, or on another back-end', async () => {
    layers.show();
    await tick();
    await client.measurements[0]!.fail(new InnateError('backend', 'the device was lost'));
    layers.set({ at: 7 });
    await tick();
    expect(client.measurements).toHaveLength(1); // not at every touch
    layers.tryAgain();
    await tick();
    expect(client.measurements).toHaveLength(2);
    expect(layers.store.getState()).toMatchObject({ error: null, measuring: true });
    await client.measurements[1]!.fail(new InnateError('backend', 'the device was lost'));
    stores.engine.setState({
      status: { ...STATUS, backend: { name: 'webgpu', label: 'another', software: false } },
    });
    await tick();
    expect(client.measurements).toHaveLength(3);
  });
});

describe('the close look', () => {
  const of = (slot: string) => client.looks.filter((l) => l.request.slot === slot);
  const shown = () => layers.store.getState().looks;
  const awaited = () => layers.store.getState().awaited;
  const picture = (ms: number): LookResult => ({
    kind: 'picture',
    pixels: new Uint8ClampedArray(4),
    resolution: 1,
    spectrum: [],
    ms,
  });

  test('asks only for what has changed, and never goes back to an older picture', async () => {
    layers.show();
    await tick();
    expect(of('denoised')).toHaveLength(1);
    expect(of('sampled')).toHaveLength(0); // only where the guide shows it
    layers.set({ at: 5 });
    await tick();
    expect(of('denoised')).toHaveLength(2);
    expect(of('oneStep')).toHaveLength(1); // the student is at 80 whatever sigma is
    await of('denoised')[1]!.answer(picture(2));
    await of('denoised')[0]!.answer(picture(1));
    expect(layers.store.getState().looks.denoised?.ms).toBe(2);
  });

  test('one that failed is tried again', async () => {
    layers.show();
    await tick();
    await of('oneStep')[0]!.fail(new InnateError('io', 'could not be read'));
    expect(layers.store.getState().error).toEqual({ of: 'oneStep', line: 'could not be read' });
    layers.set({ at: 5 });
    await tick();
    expect(of('oneStep')).toHaveLength(1); // a hand that drags does not ask sixty times a second
    clock = 2500;
    layers.set({ at: 6 });
    await tick();
    expect(of('oneStep')).toHaveLength(2);
    await of('oneStep')[1]!.fail(new InnateError('io', 'could not be read'));
    layers.tryAgain();
    await tick();
    expect(of('oneStep')).toHaveLength(3);
    await of('oneStep')[2]!.answer(picture(3));
    expect(shown().oneStep?.ms).toBe(3);
    expect(layers.store.getState().error).toBeNull();
    layers.tryAgain();
    await tick();
    expect(of('oneStep')).toHaveLength(3);
  });

  test('another partner keeps what is still right, and takes away what is not', async () => {
    layers.show();
    await tick();
    await of('denoised')[0]!.answer(picture(1));
    await of('oneStep')[0]!.answer(picture(2));
    layers.set({ partner: 'none' });
    expect(shown().denoised?.ms).toBeUndefined(); // alone, the student is the network that is looked at
    await tick();
    stores.view.setState({ model: 'fashion-mnist-32x32-teacher' });
    await tick();
    await of('denoised').at(-1)!.answer(picture(3));
    await of('oneStep').at(-1)!.answer(picture(4));
    expect(of('oneStep').at(-1)!.request.model).toMatchObject({ id: 'fashion-mnist-32x32-teacher' });
    const asked = of('denoised').length;
    layers.set({ partner: null });
    // The teacher's own is as it was; the one step was the teacher's, and is to be the student's.
    expect(shown().denoised?.ms).toBe(3);
    expect(shown().oneStep).toBeNull();
    expect(awaited().has('denoised')).toBe(false);
    expect(awaited().has('oneStep')).toBe(true);
    await tick();
    expect(of('denoised')).toHaveLength(asked);
    await of('oneStep').at(-1)!.answer(picture(5));
    expect(shown().oneStep?.ms).toBe(5);
    expect(awaited().has('oneStep')).toBe(false);
  });

  test('a picture of other settings says so until the right one is here', async () => {
    layers.show();
    await tick();
    await of('denoised')[0]!.answer(picture(1));
    expect(awaited().has('denoised')).toBe(false);
    layers.set({ at: 40 });
    expect(shown().denoised?.of.sigma).toBe(1.92);
    expect(awaited().has('denoised')).toBe(true); // at once, not a frame later
    await tick();
    await of('denoised')[1]!.answer(picture(2));
    expect(awaited().has('denoised')).toBe(false);
    expect(shown().denoised?.of.sigma).toBe(40);
  });

  test('under the words of the guide’s next step no older picture stays', async () => {
    layers.show();
    await tick();
    await of('denoised')[0]!.answer(picture(1));
    await of('oneStep')[0]!.answer(picture(2));
    layers.set({ guide: 2, at: 80 });
    expect(shown().denoised).toBeNull();
    expect(shown().oneStep?.ms).toBe(2); // from 80 whatever the step is
    await tick();
    expect(of('sampled')).toHaveLength(1);
    await of('denoised')[1]!.answer(picture(3));
    expect(shown().denoised?.ms).toBe(3);
  });

  test('a late picture of another network is not shown', async () => {
    layers.show();
    await tick();
    stores.view.setState({ model: 'afhq-cat-64x64-gdd-i' });
    await tick();
    await of('denoised')[0]!.answer(picture(1));
    expect(shown().denoised).toBeNull();
  });

  test('gains go to both networks, and into the link', async () => {
    layers.show();
    await tick();
    layers.set({ gains: { 'dec.8x8_in0': 0 } });
    await tick();
    const last = (slot: string) => client.looks.filter((l) => l.request.slot === slot).at(-1)!.request;
    expect(last('oneStep').gains).toEqual({ 'dec.8x8_in0': 0 });
    expect(last('denoised').gains).toEqual({ 'dec.8x8_in0': 0 });
    expect(last('input').gains).toEqual({});
    expect(stores.view.getState().layers).toBe('gain=dec.8x8_in0%3A0');
  });
});

const options = () => ({
  client,
  stores,
  loadBeforehand: (id: string) => site(id),
  loadPacks: async () => {},
  nextFrame: (callback: () => void) => setTimeout(callback, 0),
  now: () => clock,
});
