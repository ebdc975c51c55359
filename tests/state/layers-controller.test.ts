import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import type { InspectEvent, InspectRequest, LookRequest, LookResult } from '../../src/engine/layers-protocol';
import type { Row } from '../../src/lib/activations';
import { InnateError } from '../../src/lib/errors';
import { createStores } from '../../src/state/app-state';
import { createLayersController, type LayersController } from '../../src/state/layers-controller';
import { parsePacks } from '../../src/state/packs';
import { defaultView } from '../../src/state/view';
import { parseCatalogue } from '../../src/storage/catalogue';
import { FakeClient, STATUS, tick } from './fake-client';

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
  readonly looks: { request: LookRequest; answer: (result: LookResult) => Promise<void> }[] = [];

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
    return new Promise((resolve) => {
      this.looks.push({
        request,
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

beforeEach(() => {
  client = new Client();
  clock = 0;
  stores = createStores({ ...defaultView(), tab: 'layers', model: 'fashion-mnist-32x32-gdd-i' }, null);
  stores.catalogue.setState({ catalogue });
  stores.engine.setState({ status: STATUS });
  stores.distil.setState({ packs });
  layers = createLayersController({
    client,
    stores,
    loadBeforehand: async (id) => {
      if (id === 'fashion-mnist-32x32-teacher') return stored;
      throw new InnateError('io', 'no such file');
    },
    loadPacks: async () => {},
    nextFrame: (callback) => setTimeout(callback, 0),
    now: () => clock,
  });
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
    layers = createLayersController({
      ...options(),
      loadBeforehand: () => Promise.reject(new Error('none')),
    });
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
    expect(layers.store.getState().error).toBe('out of memory');
    layers.dismissError();
    layers.set({ samples: 2 });
    await tick();
    layers.hide();
    expect(client.measurements[1]!.signal.aborted).toBe(true);
    expect(layers.store.getState()).toMatchObject({ error: null, measuring: false });
  });
});

describe('the close look', () => {
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
    const of = (slot: string) => client.looks.filter((l) => l.request.slot === slot);
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
  loadBeforehand: async () => stored,
  loadPacks: async () => {},
  nextFrame: (callback: () => void) => setTimeout(callback, 0),
  now: () => clock,
});
