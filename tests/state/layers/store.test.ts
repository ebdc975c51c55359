import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type InspectionJson, readActivations } from '../../../src/lib/activations';
import { inspectionLevels } from '../../../src/lib/noise-levels';
import { defaultView } from '../../../src/state/generate/view';
import { pairOf } from '../../../src/state/layers/pair';
import { upToDate } from '../../../src/state/layers/stored';
import {
  changesByRow,
  colourRange,
  likest,
  MARGIN,
  meanFrequency,
  sigmaText,
  unchangedShare,
  verdict,
  within,
} from '../../../src/state/layers/summary';
import { DEFAULT_LAYERS, formatLayers, type LayersView, parseLayers } from '../../../src/state/layers/view';
import { catalogueFacts, shipped } from '../../../src/state/models';
import { formatHash, parseHash } from '../../../src/state/url';
import { parseCatalogue } from '../../../src/storage/catalogue';

const catalogue = parseCatalogue(readFileSync('public/models/index.json', 'utf8'));
const models = shipped(catalogue).map((m) => catalogueFacts(catalogue, m));
const byKey = (key: string) => models.find((m) => m.key === key)!;

describe('the view in a link', () => {
  test('the default adds nothing', () => expect(formatLayers(DEFAULT_LAYERS)).toBe(''));

  test('every view comes back', () => {
    const block = fc.constantFrom('enc.32x32_block0', 'dec.8x8_in0');
    const views: fc.Arbitrary<LayersView> = fc.record({
      partner: fc.constantFrom(null, 'none', 'opened-1'),
      quantity: fc.constantFrom('rms' as const, 'change' as const, 'entropy' as const),
      input: fc.constantFrom(null, 'noise' as const, 'trajectory' as const),
      scale: fc.constantFrom('row' as const, 'level' as const, 'global' as const),
      spacing: fc.constantFrom('heun' as const, 'log' as const),
      levels: fc.integer({ min: 8, max: 40 }),
      samples: fc.integer({ min: 1, max: 64 }),
      row: fc.constantFrom(null, 'dec.8x8_in0', 'dec.8x8_in0.conv1'),
      at: fc.constantFrom(0.002, 1.92, 80),
      open: fc.uniqueArray(block),
      gains: fc.dictionary(block, fc.constantFrom(0, 0.5, 2)).map((d) => ({ ...d })),
      normalise: fc.boolean(),
      decibel: fc.integer({ min: -40, max: 40 }),
      channel: fc.nat(500),
      versus: fc.constantFrom('none' as const, 'sigma' as const, 'student' as const),
      versusAt: fc.constantFrom(0.1, 80),
      frequencies: fc.constantFrom('image' as const, 'block' as const),
      guide: fc.integer({ min: 0, max: 7 }),
    });
    fc.assert(
      fc.property(views, (view) => {
        const hash = formatHash(
          { ...defaultView(), tab: 'layers', layers: formatLayers(view) },
          defaultView(),
        );
        expect(parseLayers(parseHash(hash, defaultView()).layers)).toEqual(view);
      }),
    );
  });

  test('nonsense becomes the default', () => {
    expect(parseLayers('levels=900&at=-1&layer=../x&gain=enc.a:9,x:1&scale=huge&open=,;&guide=8')).toEqual(
      DEFAULT_LAYERS,
    );
    fc.assert(fc.property(fc.string(), (text) => void parseLayers(text)));
  });
});

describe('which networks belong together', () => {
  const teacher = byKey('afhq-cat-64x64-teacher');
  const student = byKey('afhq-cat-64x64-gdd-i');

  test('a student and its teacher, from either side', () => {
    for (const current of [teacher, student])
      expect(pairOf(current, models, catalogue, null)).toEqual({ map: teacher, student });
  });

  test('none, and a partner of one’s own choice', () => {
    expect(pairOf(student, models, catalogue, 'none')).toEqual({ map: student, student: null });
    const made = { ...student, key: 'made-1', ref: { kind: 'opened' as const, key: 'made-1' } };
    expect(pairOf(teacher, [...models, made], catalogue, 'made-1')).toEqual({ map: teacher, student: made });
  });
});

describe('what the numbers say', () => {
  test('the likest level stands out, or does not', () => {
    expect(likest([0.5, 0.6, 0.9, 0.7])).toEqual({ level: 2, cka: 0.9, clear: true });
    expect(likest([0.95, 0.95 + MARGIN / 2, 0.95, 0.1])?.clear).toBe(false);
    expect(likest([null, 0.2])?.level).toBe(1);
    expect(likest([null])).toBeNull();
  });

  test('a verdict counts blocks by what they are like', () => {
    const cka = [
      [0.9, 0.5, 0.1],
      [0.1, 0.5, 0.9],
      [0.5, 0.5, 0.5],
    ];
    const of = (start: number) =>
      verdict({ examples: 8, cka }, ['enc.a', 'dec.b', 'dec.c'], [80, 8, 0.5], start);
    const found = of(80);
    expect(found).toMatchObject({ high: ['enc.a'], low: ['dec.b'], unclear: ['dec.c'], lowInDecoder: 1 });
    expect(found.counts).toEqual([1, 0, 1]);
    expect(found.lowSigma).toBe(5);
    expect(of(2.5)).toMatchObject({ high: ['enc.a'], low: ['dec.b'], lowSigma: 1.25 });
    // Where a student starts at 0.8, half a sigma is no low level any more: it is about its own.
    expect(of(0.8)).toMatchObject({ high: ['enc.a', 'dec.b'], low: [], lowSigma: 0.4 });
  });

  test('colour scales: of a row, of a resolution, of all; parts by themselves', () => {
    const row = (name: string, resolution: number, part: string | null = null) => ({
      name,
      block: name.split('.').slice(0, 2).join('.'),
      part,
      resolution,
      channels: 4,
    });
    const rows = [row('enc.a', 8), row('enc.b', 8), row('dec.c', 16), row('enc.a.conv0', 8, 'conv0')];
    const values = [
      [1, 2],
      [4, 4.1],
      [10, 20],
      [100, 200],
    ];
    const read = (r: number, level: number) => values[r]![level]!;
    expect(colourRange(read, rows, 2, 'row', 0)).toEqual({ low: 1, high: 2 });
    // Hardly any variation is not blown up.
    expect(colourRange(read, rows, 2, 'row', 1)!.low).toBeCloseTo(3.69);
    expect(colourRange(read, rows, 2, 'level', 0)).toEqual({ low: 0, high: 4.1 });
    expect(colourRange(read, rows, 2, 'global', 0)).toEqual({ low: 0, high: 20 });
    expect(colourRange(read, rows, 2, 'global', 3)).toEqual({ low: 0, high: 200 });
    expect(colourRange(() => null, rows, 2, 'row', 0)).toBeNull();
    expect(within({ low: 2, high: 4 }, 3)).toBe(0.5);
  });

  test('weight changes of a block join its layers', () => {
    const layers = [
      { name: 'enc.a.conv0', parameters: 10, norm: 3, change: 0, frozen: true },
      { name: 'enc.a.skip', parameters: 30, norm: 4, change: 0.5, frozen: false },
      { name: 'map_layer0', parameters: 10, norm: 1, change: 1, frozen: false },
    ];
    const block = changesByRow(layers).get('enc.a')!;
    expect(block.change).toBeCloseTo(2 / 5);
    expect(block.frozen).toBeCloseTo(0.25);
    expect(changesByRow(layers).get('enc.a.skip')!.change).toBe(0.5);
    expect(unchangedShare(layers)).toBeCloseTo(0.2);
  });

  test('the mean frequency of a spectrum', () => {
    expect(meanFrequency([9, 1, 0, 0])).toBe(1);
    // Rings hold as many frequencies as they are long: 1 x 1 and 3 x 1.
    expect(meanFrequency([0, 1, 0, 1])).toBeCloseTo((1 + 9) / 4);
    expect(meanFrequency([1, 0, 0])).toBeNull();
    expect(meanFrequency(null)).toBeNull();
  });

  test('sigmas in two digits', () =>
    expect([80, 5.315, 0.5857, 0.002].map(sigmaText)).toEqual(['80', '5.3', '0.59', '0.002']));
});

describe.each(['afhq-cat-64x64-teacher', 'fashion-mnist-32x32-teacher'])('measured beforehand: %s', (id) => {
  const json = JSON.parse(readFileSync(`public/layers/${id}.json`, 'utf8')) as InspectionJson;

  test('is of the shipped pair, at the levels that the tab shows first', () => {
    const entry = catalogue.models.find((m) => m.id === id)!;
    const student = catalogue.models.find((m) => m.teacher === id)!;
    expect(json.model).toBe(entry.id);
    expect(json.student?.model).toBe(student.id);
    expect(json.input).toBe('noised');
    const levels = inspectionLevels(DEFAULT_LAYERS.spacing, DEFAULT_LAYERS.levels);
    json.sigmas.forEach((s, i) => void expect(s / levels[i]!).toBeCloseTo(1, 6));
  });

  test('is of the weights that are shipped now, and not shown otherwise', () => {
    expect(Object.keys(json.weights!)).toHaveLength(2);
    expect(upToDate(json, catalogue), 'measure again: npm run layers').toBe(true);
    expect(upToDate({ ...json, weights: { [id]: 'other' } }, catalogue)).toBe(false);
  });

  test('has every quantity of every block', () => {
    const table = readActivations(json);
    for (const [row] of table.rows.entries())
      for (const [level] of json.sigmas.entries()) {
        expect(table.cell('rms', row, level)!.mean).toBeGreaterThan(0);
        expect(table.cell('active', row, level)!.count).toBe(json.samples);
        expect(table.spectrum(row, level)!.length).toBe(table.rows[row]!.resolution / 2 + 1);
      }
    for (const quantity of ['entropy', 'residual', 'change'] as const)
      expect(table.rows.some((_, row) => table.cell(quantity, row, 1))).toBe(true);
    expect(json.student!.likeness.cka).toHaveLength(table.rows.length);
    expect(unchangedShare(json.student!.layers)).toBeGreaterThan(0.7);
  });
});
