import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  bestFew,
  filtered,
  matches,
  ordered,
  rowHow,
  rowName,
  sections,
} from '../../../src/state/models/browse';
import { createRowsStore, isHere, rowState } from '../../../src/state/models/rows';
import { type CatalogueModel, findModel, parseCatalogue } from '../../../src/storage/catalogue';

const catalogue = parseCatalogue(readFileSync('public/models/index.json', 'utf8'));
const entry = (id: string) => findModel(catalogue, id);
const all = sections(catalogue.models);
const section = (id: string) => all.find((s) => s.id === id)!;
const ids = (models: readonly CatalogueModel[]) => models.map((m) => m.id);

describe('sections', () => {
  test('one a data set, each model in one', () => {
    expect(all.map((s) => s.title).slice(0, 4)).toEqual(['CIFAR-10', 'FFHQ', 'AFHQv2', 'ImageNet-64']);
    const placed = all.flatMap((s) => [...s.rows, ...s.pairs.flatMap((p) => [p.student, p.teacher])]);
    expect(placed.filter((m) => m !== null)).toHaveLength(catalogue.models.length);
  });

  test.each([
    ['cifar10', '32 × 32, ten classes; the public networks have 56 M parameters'],
    ['ffhq', '64 × 64, faces; the public networks have 62 to 63 M parameters'],
    ['imagenet', '64 × 64, 1,000 classes; the public networks have 296 M parameters'],
    ['fashion-mnist', ''],
  ])('the heading of %s says what its networks share', (id, about) => expect(section(id).about).toBe(about));

  test('a shipped student stands with its teacher', () => {
    expect(section('afhq').pairs).toEqual([
      { student: entry('afhq-cat-64x64-gdd-i'), teacher: entry('afhq-cat-64x64-teacher') },
    ]);
    const [alone] = sections([entry('afhq-cat-64x64-teacher')]);
    expect(alone!.pairs).toEqual([{ student: null, teacher: entry('afhq-cat-64x64-teacher') }]);
  });

  test('a data set that nobody foresaw has a section of its own name', () => {
    const [own] = sections([{ ...entry('sida-ffhq'), dataset: 'lsun-64x64' }]);
    expect(own).toMatchObject({ id: 'lsun-64x64', title: 'lsun-64x64' });
  });
});

describe('order', () => {
  test('students by reported FID, teachers after them by theirs', () => {
    expect(ids(section('imagenet').rows)).toEqual([
      'sida-imagenet',
      'sid2a-imagenet-alpha1',
      'sid2a-imagenet-alpha1.2',
      'gdd-imagenet-64x64',
      'dmd2-imagenet-fid1.28',
      'dmd2-imagenet-fid1.51',
      'sid-imagenet',
      'dmd2-imagenet-fid2.61',
      'edm-imagenet-64x64-cond-adm',
    ]);
  });

  test('those without a figure come last of their kind', () => {
    const { rows } = section('cifar10');
    const students = rows.filter((m) => m.role === 'student');
    expect(students.at(-1)!.id).toBe('ect-cifar10');
    expect(rows.findIndex((m) => m.role === 'teacher')).toBe(students.length);
    expect(ids(rows.slice(-2)).every((id) => id.endsWith('-ve'))).toBe(true);
  });

  test('whatever the order that they come in', () => {
    const { rows } = section('ffhq');
    expect(ordered([...rows].reverse())).toEqual(rows);
  });
});

describe('rows', () => {
  test.each([
    ['sid2a-ffhq-alpha1.2', 'SiD2A, alpha 1.2', '1 NFE, sigma 2.5'],
    ['sida-cifar10-cond', 'SiDA', '1 NFE, sigma 2.5, by class'],
    ['edm-cifar10-32x32-uncond-ve', 'EDM, VE', '35 NFE'],
    ['sida-imagenet', 'SiDA', '1 NFE, sigma 2.5'], // all of ImageNet's are by class
    ['gdd-afhqv2-64x64', 'GDD', '1 NFE, sigma 80'],
  ])('%s is %s: %s', (id, name, how) => {
    const model = entry(id);
    const its = all.find((s) => s.rows.includes(model))!;
    expect([rowName(model), rowHow(model, its)]).toEqual([name, how]);
  });

  test('the best few are open, and what is on this device', () => {
    const { rows } = section('cifar10');
    expect(ids(bestFew(rows, {}))).toEqual([...ids(rows.slice(0, 4)), 'edm-cifar10-32x32-cond-vp']);
    const here = bestFew(rows, { 'ect-cifar10': { kind: 'here', bytes: 1 } });
    expect(ids(here)).toContain('ect-cifar10');
    expect(here).toHaveLength(6);
  });

  test('what stands where, until something is known', () => {
    const { rows } = createRowsStore().getState();
    expect(rowState(entry('sida-ffhq'), rows)).toEqual({ kind: 'not-here' });
    expect(rowState(entry('ect-cifar10'), rows)).toEqual({ kind: 'manual' });
    expect(
      [{ kind: 'not-here' }, { kind: 'manual' }, { kind: 'broken', done: 1, total: null }].map((s) =>
        isHere(s as never),
      ),
    ).toEqual([false, false, true]);
  });
});

describe('search', () => {
  test.each([
    ['sida', 'sida-ffhq', true],
    ['SiDA Faces', 'sida-ffhq', true],
    ['sida imagenet', 'sida-ffhq', false],
    ['by class vp', 'edm-cifar10-32x32-cond-vp', true],
    ['teacher 511', 'edm-imagenet-64x64-cond-adm', false],
    ['2.5', 'sid-afhqv2', true],
    ['', 'sid-afhqv2', true],
  ])('“%s” means %s: %s', (text, id, is) => {
    const model = entry(id);
    expect(matches(model, all.find((s) => s.rows.includes(model))!, text)).toBe(is);
  });

  test('sections with nothing in them go; shipped ones are on this device', () => {
    const titles = (filter: Parameters<typeof filtered>[1], states = {}) =>
      filtered(all, filter, states).map((s) => s.title);
    expect(titles({ text: 'dmd2', here: false })).toEqual(['ImageNet-64']);
    expect(titles({ text: 'nothing like it', here: false })).toEqual([]);
    expect(titles({ text: '', here: true })).toEqual(['CIFAR-10', 'AFHQv2', 'CelebA', 'Fashion-MNIST']);
    const states = { 'sida-ffhq': { kind: 'broken', done: 1, total: 2 } };
    expect(titles({ text: 'sida', here: true }, states)).toEqual(['FFHQ']);
  });
});
