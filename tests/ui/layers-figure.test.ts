import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { paintChannel, scaleLimit, statistics } from '../../src/features/layers/channels';
import { figureSvg } from '../../src/features/layers/figure';
import { LIGHT_RAMPS } from '../../src/features/layers/figure-colours';
import { GUIDE } from '../../src/features/layers/guide-steps';
import { cellText, layoutOf, mapModel, ratioShade } from '../../src/features/layers/map-model';
import { findingsCsv, findingsJson } from '../../src/features/layers/save';
import { originText } from '../../src/features/layers/words';
import { ActivationTable, type InspectionJson } from '../../src/lib/activations';
import type { LookRequest } from '../../src/protocol/layers';
import type { Findings } from '../../src/state/layers/store';
import { readFindings } from '../../src/state/layers/stored';
import { nearestLevel } from '../../src/state/layers/summary';
import { DEFAULT_LAYERS, GUIDE_STEPS, SAMPLED_IN_GUIDE } from '../../src/state/layers/view';
import { catalogueFacts } from '../../src/state/models';
import { parseCatalogue } from '../../src/storage/catalogue';
import { hexColour } from '../../src/ui/ramp';

const ID = 'afhq-cat-64x64-teacher';
const json = JSON.parse(readFileSync(`public/layers/${ID}.json`, 'utf8')) as InspectionJson;
const findings = readFindings(json);
const catalogue = parseCatalogue(readFileSync('public/models/index.json', 'utf8'));
const facts = (id: string) => catalogueFacts(catalogue, catalogue.models.find((m) => m.id === id)!);
const pair = { map: facts(ID), student: facts('afhq-cat-64x64-gdd-i') };

describe('the figure', () => {
  const model = mapModel(findings, DEFAULT_LAYERS);

  test('has a cell for every block and level, and what belongs to the student', () => {
    expect(model.rows).toHaveLength(json.blocks.length);
    const row = model.rows.find((r) => r.row.name === 'dec.64x64_block0')!;
    expect(Math.max(...row.shades.map(Number))).toBe(1);
    expect(Math.min(...row.shades.map(Number))).toBe(0);
    const own = nearestLevel(json.sigmas, json.student!.sigma);
    expect(row.ratio).toBeCloseTo(
      row.student!.value / json.blocks.find((b) => b.name === row.row.name)!.rms[own]!,
      3,
    );
    expect(row.frozen).toBeGreaterThan(0.8);
    const { gapBefore } = layoutOf(model);
    const decoder = json.blocks.findIndex((b) => b.name.startsWith('dec.'));
    expect(json.blocks.flatMap((_, i) => (gapBefore(i) > 0 ? [i] : []))).toEqual([decoder]);
    expect(ratioShade(1)).toBe(0.5);
    expect(ratioShade(4)).toBe(1);
    expect(nearestLevel(json.sigmas, 1.92)).toBe(9);
  });

  test('as SVG it is well-formed and in the light theme’s colours', () => {
    const { text, width, height } = figureSvg(model, findings, pair, DEFAULT_LAYERS);
    expect(text).not.toMatch(/NaN|undefined/);
    // Tags close, and no attribute stands twice: what browsers refuse.
    const open: string[] = [];
    for (const [, close, name, attributes = '', self] of text.matchAll(
      /<(\/?)(\w+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
    )) {
      if (close) expect(open.pop()).toBe(name);
      else if (!self) open.push(name!);
      const names = [...attributes.matchAll(/([\w:-]+)=/g)].map((m) => m[1]);
      expect(new Set(names).size).toBe(names.length);
    }
    expect(open).toEqual([]);
    expect(text.match(/</g)!.length).toBe(
      [...text.matchAll(/<(\/?)(\w+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g)].length,
    );
    expect(width).toBeGreaterThan(700);
    expect(height).toBeGreaterThan(400);
    expect(text).toContain(hexColour(LIGHT_RAMPS.sequential[10]!));
  });

  /** Boxes of the texts of a drawing, as wide as a wide sans serif makes them. */
  const boxes = (text: string) =>
    [...text.matchAll(/<text x="([\d.]+)" y="([\d.]+)" font-size="(\d+)"([^>]*)>([^<]*)</g)].map(
      ([, x, y, size, extra, body]) => {
        const wide = 0.6 * Number(size) * body!.length;
        const anchor = /text-anchor="(\w+)"/.exec(extra!)?.[1];
        const from = Number(x) - (anchor === 'end' ? wide : anchor === 'middle' ? wide / 2 : 0);
        return { body: body!, from, to: from + wide, base: Number(y), high: Number(size) };
      },
    );

  test.each([
    ['as it is', DEFAULT_LAYERS],
    ['of another quantity on one scale', { ...DEFAULT_LAYERS, quantity: 'residual', scale: 'global' }],
    ['by level', { ...DEFAULT_LAYERS, quantity: 'entropy', scale: 'level' }],
  ] as const)('no text stands on another one or outside, %s', (_, view) => {
    for (const shown of [pair, { ...pair, student: null }]) {
      const { text, width, height } = figureSvg(mapModel(findings, view), findings, shown, view);
      const found = boxes(text);
      expect(found.length).toBeGreaterThan(40);
      for (const [i, a] of found.entries()) {
        expect(a.from, a.body).toBeGreaterThanOrEqual(0);
        expect(a.to, a.body).toBeLessThanOrEqual(width);
        expect(a.base + 4, a.body).toBeLessThanOrEqual(height);
        for (const b of found.slice(i + 1)) {
          const apart =
            Math.abs(a.base - b.base) >= Math.min(a.high, b.high) || a.to <= b.from || b.to <= a.from;
          expect(apart, `"${a.body}" and "${b.body}"`).toBe(true);
        }
      }
    }
  });

  test('the dots have a key where there are dots', () => {
    const { text } = figureSvg(model, findings, pair, DEFAULT_LAYERS);
    expect(text).toContain('most like the student');
    expect(text).toContain('no sigma stands out');
    const alone = { ...findings, student: null, likeness: null, weights: null };
    const without = figureSvg(
      mapModel(alone, DEFAULT_LAYERS),
      alone,
      { ...pair, student: null },
      DEFAULT_LAYERS,
    );
    expect(without.text).not.toContain('<circle');
    expect(without.text).not.toContain('most like');
  });

  test('colours of files are those of the light theme', () => {
    const tokens = readFileSync('src/ui/tokens.css', 'utf8');
    const light = (name: string) => new RegExp(`--${name}: light-dark\\((#\\w+),`).exec(tokens)![1];
    LIGHT_RAMPS.sequential.forEach((stop, i) => void expect(hexColour(stop)).toBe(light(`seq-${i}`)));
    LIGHT_RAMPS.diverging.forEach((stop, i) => void expect(hexColour(stop)).toBe(light(`div-${i}`)));
    expect([LIGHT_RAMPS.ink, LIGHT_RAMPS.mark]).toEqual([light('ink'), light('mark')]);
  });
});

describe('numbers in files', () => {
  test('the JSON is the one that innate inspect wrote', () => {
    const again = findingsJson(findings, pair);
    expect(again.blocks.map((b) => b.name)).toEqual(json.blocks.map((b) => b.name));
    again.blocks.forEach((b, i) => {
      b.rms.forEach((v, level) => void expect(v! / json.blocks[i]!.rms[level]!).toBeCloseTo(1, 2));
      expect(b.rmsPerSample[0]).toHaveLength(json.samples);
    });
    expect(again.student!.likeness).toEqual(json.student!.likeness);
    expect(again.student!.layers).toEqual(json.student!.layers);
  });

  test('the CSV has a line for every number', () => {
    const lines = findingsCsv(findings).trim().split('\n');
    const columns = lines[0]!.split(',').length;
    expect(lines.every((l) => l.split(',').length === columns)).toBe(true);
    expect(lines.filter((l) => l.startsWith('teacher') && l.includes(',rms,'))).toHaveLength(
      json.blocks.length * json.sigmas.length,
    );
  });
});

describe('feature maps', () => {
  const maps = {
    kind: 'maps' as const,
    values: Float32Array.of(1, -1, 1, -1, 4, 4, 4, 0),
    channels: 2,
    size: 2,
    ms: 1,
    of: {} as LookRequest,
  };

  test('statistics of all and of one', () => {
    expect(statistics(maps, 0)).toEqual({ mean: 0, std: 1, max: 1 });
    expect(statistics(maps, null)).toMatchObject({ mean: 1.5, max: 4 });
  });

  test('zero is the middle of the scale; decibels move its ends', () => {
    expect(scaleLimit(maps, 0, true, 0)).toBe(1);
    expect(scaleLimit(maps, 0, false, 0)).toBe(4);
    expect(scaleLimit(maps, 0, true, 20)).toBeCloseTo(0.1);
    const ramp = LIGHT_RAMPS.diverging;
    const pixels = paintChannel(maps, 1, 4, ramp);
    expect([...pixels.subarray(0, 4)]).toEqual([...ramp[10]!, 255]);
    expect([...pixels.subarray(12, 16)]).toEqual([...ramp[5]!, 255]);
  });
});

describe('what a map says of itself', () => {
  const rows = findings.rows;
  const partly = (levels: number, images: number): Findings => {
    const table = new ActivationTable(rows, findings.sigmas);
    for (let level = 0; level < levels; level++)
      table.add({ level, count: images, values: { rms: new Float32Array(rows.length * images).fill(1) } });
    const coarse = new ActivationTable(rows, findings.sigmas);
    coarse.add({ level: 0, count: 2, values: { rms: new Float32Array(rows.length * 2).fill(1) } });
    return { ...findings, table, coarse, source: 'here', backend: 'wasm (2 threads)' };
  };

  test.each([
    [18, 8, false, 'Measured here on wasm (2 threads), 8 images.'],
    [7, 8, false, 'Stopped: 7 of 18 sigmas, measured here on wasm (2 threads).'],
    [7, 8, true, 'Being measured on wasm (2 threads): 7 of 18 sigmas so far.'],
    [18, 2, false, 'Stopped: 2 of 8 images, measured here on wasm (2 threads).'],
    [0, 0, false, 'Stopped: a first look at 2 images, measured here on wasm (2 threads).'],
  ])('%s levels of %s images, measuring %s', (levels, images, measuring, text) => {
    expect(originText(partly(levels, images), measuring)).toBe(text);
  });

  test('a stopped one says so in files', () => {
    const view = DEFAULT_LAYERS;
    const stopped = partly(7, 2);
    expect(findingsJson(stopped, pair).samples).toBe(2);
    const { text } = figureSvg(mapModel(stopped, view), stopped, pair, view);
    expect(text).toContain('mean of 2 images, 7 of 18 sigmas');
  });

  test('a number says of how many images it is', () => {
    expect(cellText({ mean: 1.5, spread: 0.25, count: 8 }, String)).toBe('1.5 ± 0.25 over 8 images');
    expect(cellText({ mean: 1.5, spread: null, count: 2 }, String)).toBe('1.5 over 2 images');
    expect(cellText({ mean: 1.5, spread: 0, count: 1 }, String)).toBe('1.5, 1 image');
  });
});

test('the guide states each claim before it speaks of it', () => {
  const stated: number[] = [];
  for (const step of GUIDE)
    for (const text of [step.text(findings), step.text(null)])
      for (const [, claim] of text.matchAll(/claim (\d)/gi))
        if (text.includes(`The paper’s claim ${claim}: `)) stated.push(Number(claim));
        else expect(stated, `"${step.title}" speaks of claim ${claim}`).toContain(Number(claim));
  expect(new Set(stated)).toEqual(new Set([1, 2]));
});

test('the guide speaks of what was measured, and of nothing where nothing was', () => {
  expect(GUIDE).toHaveLength(GUIDE_STEPS);
  expect(GUIDE[4]!.text(findings)).toMatch(
    /only ever run at 2.5, yet 10 of 23 blocks \(10 of them in the decoder\)/,
  );
  expect(GUIDE[5]!.text(findings)).toMatch(/^87 % of the student’s weights/);
  expect(GUIDE.at(-1)!.text(findings)).toMatch(/10 of 23 blocks, with 87 % .* supports claim 2/);
  const clothes = readFindings(
    JSON.parse(readFileSync('public/layers/fashion-mnist-32x32-teacher.json', 'utf8')),
  );
  expect(GUIDE.at(-1)!.text(clothes)).toMatch(/^For 11 of 20 .* neither supports claim 2 nor contradicts it/);
  const sampled = GUIDE.flatMap((s, i) => (s.shots.includes('sampled') ? [i + 1] : []));
  expect(sampled).toEqual(SAMPLED_IN_GUIDE);
  for (const step of GUIDE) {
    expect(step.text(findings)).not.toMatch(/NaN|undefined|Infinity/);
    expect(step.text(null)).not.toMatch(/NaN|undefined|Infinity/);
  }
});
