import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { hostsOf } from '../../../src/lib/hosts';
import { published } from '../../../src/state/models/published';
import { wantedModel } from '../../../src/state/models/wanted';
import { parseCatalogue } from '../../../src/storage/catalogue';

const { models } = parseCatalogue(readFileSync('public/models/index.json', 'utf8'));
const offering = (option?: string) => ({
  offers: (model: (typeof models)[number]) => wantedModel(model, hostsOf(option)) !== null,
});
const ids = (...args: Parameters<typeof published>) =>
  published(...args).map(({ title, model }) => [title, model.id]);

it('for each data set the best reported student that can be downloaded', () => {
  expect(ids(models, {}, offering())).toEqual([
    ['CIFAR-10', 'sida-cifar10-cond'],
    ['FFHQ', 'sida-ffhq'],
    ['AFHQv2', 'sida-afhqv2'],
    ['ImageNet-64', 'sida-imagenet'],
  ]);
});

it('one that is here goes before one that is coming, and that before a better one', () => {
  const broken = { kind: 'broken', done: 1, total: 2 } as const;
  const states = {
    'sid-ffhq': broken,
    'sid2a-ffhq-alpha1': { kind: 'here', bytes: 9 },
    'sid-afhqv2': broken,
  } as const;
  expect(ids(models, states, offering())).toEqual([
    ['CIFAR-10', 'sida-cifar10-cond'],
    ['FFHQ', 'sid2a-ffhq-alpha1'],
    ['AFHQv2', 'sid-afhqv2'],
    ['ImageNet-64', 'sida-imagenet'],
  ]);
});

it('a page that may ask no host offers what is here, and nothing else', () => {
  expect(ids(models, {}, offering('none'))).toEqual([]);
  expect(ids(models, { 'sida-ffhq': { kind: 'here', bytes: 9, fetched: true } }, null)).toEqual([
    ['FFHQ', 'sida-ffhq'],
  ]);
});
