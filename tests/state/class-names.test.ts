import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { ModelInfo } from '../../src/protocol/models';
import { createStores, currentModel } from '../../src/state/app-state';
import { followClassNames } from '../../src/state/class-names';
import { changeResult, resultOf } from '../../src/state/compare/store';
import { defaultView } from '../../src/state/generate/view';
import { parseCatalogue } from '../../src/storage/catalogue';

const catalogue = parseCatalogue(readFileSync('public/models/index.json', 'utf8'));
const file = readFileSync('public/models/classes/imagenet-1000.json', 'utf8');

const OPENED: ModelInfo = {
  key: 'file:pytorch_model.bin',
  name: 'pytorch_model.bin',
  role: 'unknown',
  resolution: 64,
  channels: 3,
  labelDim: 1000,
  classes: null,
  parameters: 295_899_267,
  precond: 'EDMPrecond',
  sigma: 80,
  sigmaFrom: 'unsaid',
  sigmaMid: null,
  architecture: 'ADM',
  bytes: 1,
  licence: null,
  notes: [],
  entries: [],
  entry: null,
  kept: false,
};

function page(load: (path: string) => Promise<string>) {
  const stores = createStores(defaultView(2), null);
  followClassNames(stores, load);
  stores.catalogue.setState({ catalogue });
  return stores;
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

test('nothing is read for a model without such a list', async () => {
  const asked: string[] = [];
  const stores = page(async (path) => {
    asked.push(path);
    return file;
  });
  stores.view.setState({ model: 'fashion-mnist-32x32-gdd-i' });
  await settled();
  expect(asked).toEqual([]);
  expect(currentModel(stores)!.classes).toContain('sneaker');
});

test('a network of a thousand classes gets the names of ImageNet, once, and its images theirs', async () => {
  const asked: string[] = [];
  const stores = page(async (path) => {
    asked.push(path);
    return file;
  });
  const recipe = {
    modelKey: OPENED.key,
    model: OPENED.name,
    seed: 7,
    classIndex: 283,
    className: '283',
    sigma: 80,
    sigmaMid: null,
    noise: 'seed' as const,
    mix: [],
    temperature: 1,
    evaluations: 1,
    sampler: 'one-step',
  };
  const image = { pixels: new Uint8ClampedArray(4), resolution: 1, recipe, generation: 1 };
  stores.images.setState({ images: [{ ...image, name: 'pytorch_model.bin, seed 7, class 283' }, null] });
  stores.engine.setState({ opened: [OPENED] });
  stores.view.setState({ model: OPENED.key });
  await settled();
  expect(currentModel(stores)!.classes![283]).toBe('Persian cat');
  expect(currentModel(stores)!.synonyms![286]).toContain('puma');
  expect(stores.images.getState().images[0]).toMatchObject({
    name: 'pytorch_model.bin, seed 7, class Persian cat',
    recipe: { className: 'Persian cat' },
  });
  stores.view.setState({ model: 'afhq-cat-64x64-gdd-i' });
  stores.view.setState({ model: OPENED.key });
  await settled();
  expect(asked).toEqual(['classes/imagenet-1000.json']);
});

test('images of Compare get the names that come after them, and keep the titles of their rows', async () => {
  const stores = page(async () => file);
  stores.engine.setState({ opened: [OPENED] });
  const recipe = {
    ...{ modelKey: OPENED.key, model: OPENED.name, seed: 7, classIndex: 283, className: '283' },
    ...{ sigma: 80, sigmaMid: null, evaluations: 35, sampler: 'heun' },
    ...{ noise: 'seed' as const, mix: [], temperature: 1 },
  };
  const image = { pixels: new Uint8ClampedArray(4), resolution: 1, recipe, generation: 1, asked: null };
  const row = `${OPENED.key}@heun:18`;
  changeResult(stores.compare, row, {
    images: [{ ...image, name: 'pytorch_model.bin at 35 NFE, seed 7, class 283' }, null],
  });
  stores.view.setState({ compare: true, comparison: new URLSearchParams({ row }).toString() });
  await settled();
  expect(resultOf(stores.compare.getState(), row).images[0]).toMatchObject({
    name: 'pytorch_model.bin at 35 NFE, seed 7, class Persian cat',
    recipe: { className: 'Persian cat' },
  });
});

test('a list that cannot be read is told, and read again at the next look', async () => {
  let broken = true;
  const stores = page(async () => (broken ? '[]' : file));
  stores.engine.setState({ opened: [OPENED] });
  stores.view.setState({ model: OPENED.key });
  await settled();
  expect(stores.engine.getState().error?.line).toMatch(/list of class names is damaged/);
  expect(currentModel(stores)!.classes).toBeNull();
  broken = false;
  stores.view.setState({ model: 'afhq-cat-64x64-gdd-i' });
  stores.view.setState({ model: OPENED.key });
  await settled();
  expect(currentModel(stores)!.classes![0]).toBe('tench');
});
