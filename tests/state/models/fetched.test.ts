import { expect, test } from 'vitest';
import { createStores, currentModel } from '../../../src/state/app-state';
import { createController } from '../../../src/state/controller';
import { defaultView } from '../../../src/state/generate/view';
import { LongSteps } from '../../../src/state/long-steps';
import { createDownloads } from '../../../src/state/models/downloads';
import { readFetched } from '../../../src/state/models/fetched';
import { createRowsStore } from '../../../src/state/models/rows';
import { FakeClient } from '../../support/fake-client';
import { CATALOGUE } from '../../support/page';

const list = (...models: [id: string, bytes: number][]) =>
  JSON.stringify({ models: models.map(([id, bytes]) => ({ id, bytes })) });

test('what the host fetched is here, what this browser keeps goes before it', async () => {
  const rows = createRowsStore();
  rows.setState({ rows: { a: { kind: 'here', bytes: 7 } } });
  await readFetched(rows, async () => list(['a', 1], ['b', 2]));
  expect(rows.getState().rows).toEqual({
    a: { kind: 'here', bytes: 7 },
    b: { kind: 'here', bytes: 2, fetched: true },
  });
});

test('it stays when the downloads of this browser are listed anew', async () => {
  const stores = createStores(defaultView(4), null);
  await readFetched(stores.rows, async () => list(['a', 1], ['b', 2]));
  const downloads = createDownloads({
    client: {
      list: async () => ({ here: [{ id: 'a', bytes: 9 }], parts: [], problems: [] }),
      download: () => Promise.reject(new Error('not asked for')),
      check: () => Promise.reject(new Error('not asked for')),
      remove: async () => {},
    },
    stores,
    steps: new LongSteps(stores.steps, () => 0),
    hosts: [],
    free: async () => null,
    channel: null,
    show: () => {},
    openKept: async () => {},
    forget: async () => {},
  });
  await downloads.list();
  expect(stores.rows.getState().rows).toEqual({
    a: { kind: 'here', bytes: 9 },
    b: { kind: 'here', bytes: 2, fetched: true },
  });
});

async function boot(model: string, loadFetched: (() => Promise<string>) | null) {
  const stores = createStores({ ...defaultView(4), model }, null);
  const controller = createController({
    client: new FakeClient(),
    stores,
    engine: { modelsUrl: 'https://here/models/', wasmBinaries: {} },
    loadCatalogue: async () => CATALOGUE,
    loadFetched,
    loadPacks: async () => '{}',
    loadLayers: async () => '{}',
    loadSheet: async () => null,
    address: () => '',
    nextFrame: () => 0,
  });
  await controller.boot();
  return stores;
}

test('a link to it is followed; without it the page says what is missing', async () => {
  const here = await boot('elsewhere', async () => list(['elsewhere', 5]));
  expect(currentModel(here)).toMatchObject({ key: 'elsewhere', bytes: 5 });
  expect(currentModel(await boot('elsewhere', null))?.key).toBe('afhq-cat-64x64-gdd-i');
});

test('a list that is none is said, and the page goes on', async () => {
  const stores = await boot('clothes', async () => '<!doctype html>');
  expect(stores.engine.getState().error?.line).toContain('list of fetched models is damaged');
  expect(currentModel(stores)?.key).toBe('clothes');
});
