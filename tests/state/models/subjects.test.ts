import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { catalogueFacts } from '../../../src/state/models';
import { subjects } from '../../../src/state/models/subjects';
import { findModel, parseCatalogue } from '../../../src/storage/catalogue';

const catalogue = parseCatalogue(readFileSync('public/models/index.json', 'utf8'));
const facts = catalogue.models.map((m) => catalogueFacts(catalogue, m));
const cats = catalogueFacts(catalogue, findModel(catalogue, 'afhq-cat-64x64-gdd-i'));

test('the cards of the catalogue are shipped students', () => {
  const keys = subjects(facts).map(({ key }) => key);
  expect(keys[0]).toBe(cats.key);
  for (const key of keys)
    expect(findModel(catalogue, key)).toMatchObject({ kind: 'shipped', role: 'student' });
});

test('four at most, and the small example is the one that gives way', () => {
  const sets = [
    'fashion-mnist-32x32',
    'tiny-imagenet-64x64',
    'cifar10-32x32',
    'celeba-64x64',
    'afhq-cat-64x64',
  ];
  const five = sets.map((dataset) => ({ ...cats, key: dataset, dataset }));
  expect(subjects(five).map((card) => card.name)).toEqual(['Cats', 'Faces', 'CIFAR-10', 'ImageNet']);
});

test('a teacher, an opened file and a model without a preview have no card', () => {
  const others = [
    { ...cats, role: 'teacher' as const },
    { ...cats, dataset: null },
    { ...cats, preview: null },
  ];
  expect(subjects(others)).toEqual([]);
});
