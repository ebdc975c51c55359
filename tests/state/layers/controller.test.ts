import { beforeEach, describe, expect, test } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import { STATUS, tick } from '../../support/fake-client';
import { catalogue, layersPage, level, ROWS, rows, stored } from '../../support/layers-page';

let page: ReturnType<typeof layersPage>;
let client: typeof page.client;
let layers: typeof page.layers;
let stores: typeof page.stores;
let world: typeof page.world;
let rms: typeof page.rms;

beforeEach(() => {
  page = layersPage();
  ({ client, layers, stores, world, rms } = page);
});

describe('the map', () => {
  test('what comes with the page is shown at once and stays until the live one is whole', async () => {
    layers.show();
    world.now = 40;
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
    world.site = () => Promise.reject(new Error('none'));
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
    world.site = async () => text;
    layers.show();
    await tick();
    expect(layers.store.getState()).toMatchObject({ findings: null, error: null, measuring: true });
    expect(client.measurements).toHaveLength(1);
    expect(client.measurements[0]!.request.examples).toBeGreaterThan(0); // nothing was compared beforehand
  });

  test('is asked for once more when the tab is shown again', async () => {
    world.site = async () => notFound;
    layers.show();
    await tick();
    layers.hide();
    world.site = async () => stored;
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
