import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { catalogueFacts } from '../../src/state/models';
import {
  type CatalogueModel,
  fileSize,
  findModel,
  labelCount,
  parseCatalogue,
} from '../../src/storage/catalogue';

const text = readFileSync('public/models/index.json', 'utf8');
const catalogue = parseCatalogue(text);
const entry = (id: string) => findModel(catalogue, id);

describe('classes', () => {
  test.each([
    ['edm-imagenet-64x64-cond-adm', 1000],
    ['gdd-imagenet-64x64', 1000],
    ['edm-cifar10-32x32-cond-ve', 10],
    ['edm-ffhq-64x64-uncond-ve', 0],
  ])('%s has %i', (id, count) => {
    expect(labelCount(entry(id))).toBe(count);
    expect(catalogueFacts(catalogue, entry(id)).labelDim).toBe(count);
  });

  test('a number of classes that is none is refused, by name', () => {
    const damaged = text.replace('"label_dim": 1000', '"label_dim": "many"');
    expect(() => parseCatalogue(damaged)).toThrow('damaged');
  });
});

describe('the size of a file', () => {
  test('is what is stated', () => {
    const shipped = catalogue.models.find((m) => m.kind === 'shipped')!;
    expect(fileSize(shipped)).toEqual({ bytes: shipped.files[0]!.bytes, estimated: false });
  });

  test('is estimated from the parameters otherwise', () => {
    expect(fileSize(entry('edm-imagenet-64x64-cond-adm'))).toEqual({ bytes: 295.9e6 * 4, estimated: true });
    const half: CatalogueModel = { ...entry('edm-ffhq-64x64-uncond-ve') };
    half.files = [{ ...half.files[0]!, dtype: 'f16' }];
    expect(fileSize(half)).toEqual({ bytes: 62.8e6 * 2, estimated: true });
  });

  test('is unknown where nothing tells', () => {
    expect(fileSize({ ...entry('edm-ffhq-64x64-uncond-ve'), parameters: 0 })).toBeNull();
  });
});
