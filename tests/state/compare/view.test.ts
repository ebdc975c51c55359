import { describe, expect, test } from 'vitest';
import type { RowSpec } from '../../../src/lib/row-spec';
import type { SamplerName } from '../../../src/lib/sampling';
import { headline } from '../../../src/state/compare/headline';
import { largestModel } from '../../../src/state/compare/memory';
import {
  defaultRows,
  withOpen,
  withoutRow,
  withRow,
  withRowAt,
  withRowChanged,
  withRowMoved,
} from '../../../src/state/compare/rows';
import { formatComparison, MAX_ROWS, readComparison } from '../../../src/state/compare/view';
import type { Catalogue } from '../../../src/storage/catalogue';

const row = (model: string): RowSpec => ({ model, sampler: null, steps: null, sigma: null });
const names = ({ rows }: { rows: readonly RowSpec[] | null }) => rows?.map((r) => r.model).join('') ?? null;
const abc = { rows: [row('a'), row('b'), row('c')], at: { row: 1, column: 2 } };

describe('a comparison in a link', () => {
  test('comes back as it was', () => {
    const comparison = {
      rows: [row('cats'), { ...row('file:a b & c.pkl'), sampler: 'heun' as const, steps: 18, sigma: 2.5 }],
      at: { row: 1, column: 3 },
    };
    expect(readComparison(formatComparison(comparison))).toEqual({ ...comparison, problems: [] });
    expect(readComparison(formatComparison({ rows: [], at: null }))).toEqual({
      rows: [],
      at: null,
      problems: [],
    });
    expect(readComparison('')).toEqual({ rows: null, at: null, problems: [] });
  });

  test('says what of it cannot be followed, and shows the rest', () => {
    const read = readComparison('row=cats&row=cats@heun:1&at=9,1');
    expect(names(read)).toBe('cats');
    expect(read.at).toBeNull();
    expect(read.problems).toEqual([expect.stringContaining('cats@heun:1')]);
    const many = readComparison(Array.from({ length: 10 }, (_, i) => `row=m${i}`).join('&'));
    expect(many.rows).toHaveLength(MAX_ROWS);
    expect(many.problems).toEqual(['The link has 10 rows: the first 8 are shown.']);
  });
});

describe('rows', () => {
  test('come, go and come back; the open image stays with its row', () => {
    expect(names(withRow(abc, row('d')))).toBe('abcd');
    expect(withoutRow(abc, 0)).toMatchObject({ at: { row: 0, column: 2 } });
    expect(withoutRow(abc, 1)).toMatchObject({ at: null });
    expect(withoutRow(abc, 2)).toMatchObject({ at: { row: 1, column: 2 } });
    expect(withRowAt(withoutRow(abc, 0), 0, row('a'))).toEqual(abc);
    const full = { rows: Array.from({ length: MAX_ROWS }, () => row('x')), at: null };
    expect(withRow(full, row('y'))).toEqual(full);
    expect(withRowAt(full, 0, row('y'))).toEqual(full);
  });

  test.each([
    [0, 2, 'bca', 0],
    [2, 0, 'cab', 2],
    [1, 0, 'bac', 0],
    [1, 2, 'acb', 2],
    [0, 1, 'bac', 0],
  ])('move from %i to %i', (from, to, order, open) => {
    const moved = withRowMoved(abc, from, to);
    expect(names(moved)).toBe(order);
    expect(moved.at).toEqual({ row: open, column: 2 });
    expect(moved.rows![moved.at!.row]!.model).toBe('b'); // the same row as before
  });

  test('change one by one', () => {
    expect(withRowChanged(abc, 1, { sigma: 40 }).rows).toEqual([
      row('a'),
      { ...row('b'), sigma: 40 },
      row('c'),
    ]);
    expect(withOpen(abc, null).at).toBeNull();
  });

  test('begin with the student and its teacher in 35 evaluations, whichever of them is in use', () => {
    const catalogue = {
      models: [{ id: 'student', teacher: 'teacher' }, { id: 'teacher' }, { id: 'away', teacher: 'absent' }],
    } as Catalogue;
    const here = [{ key: 'student' }, { key: 'teacher' }, { key: 'away' }];
    const pair = [row('student'), { ...row('teacher'), sampler: 'heun', steps: 18 }];
    expect(defaultRows({ key: 'student', role: 'student' }, here, catalogue)).toEqual(pair);
    expect(defaultRows({ key: 'teacher', role: 'teacher' }, here, catalogue)).toEqual(pair);
    expect(defaultRows({ key: 'away', role: 'student' }, here, catalogue)).toEqual([row('away')]);
    expect(defaultRows({ key: 'file:x', role: 'unknown' }, here, catalogue)).toEqual([row('file:x')]);
  });
});

describe('the headline', () => {
  const timed = (
    role: 'student' | 'teacher' | 'unknown',
    sampler: SamplerName,
    ms: number | null,
    change = {},
  ) => ({
    finished: true,
    model: { facts: { dataset: 'cats', resolution: 64, channels: 3 } },
    figures: {
      name: `${role} ${ms}`,
      role,
      sampler,
      steps: 18,
      sigma: 80,
      ms,
      parameters: 1,
      paper: null,
      here: null,
    },
    ...change,
  });

  test('is the fastest row of one pass against the slowest finished teacher', () => {
    const rows = [
      timed('student', 'one-step', 12),
      timed('unknown', 'one-step', 11),
      timed('teacher', 'one-step', 10),
      timed('teacher', 'heun', 300),
      timed('teacher', 'heun', 434),
      timed('teacher', 'heun', 900, { finished: false }),
    ];
    expect(headline(rows)).toEqual({
      fast: expect.objectContaining({ ms: 11, passes: 1 }),
      slow: expect.objectContaining({ ms: 434, passes: 35 }),
    });
  });

  test('takes a two-step student where no row of one pass is faster', () => {
    const rows = [timed('student', 'two-step', 24), timed('teacher', 'heun', 434)];
    expect(headline(rows)?.fast).toMatchObject({ ms: 24, passes: 2 });
    expect(headline([timed('student', 'one-step', 12), ...rows])?.fast).toMatchObject({ ms: 12, passes: 1 });
  });

  test('goes where there is no such pair', () => {
    expect(headline([])).toBeNull();
    expect(headline([timed('student', 'one-step', 12)])).toBeNull();
    expect(headline([timed('student', 'one-step', null), timed('teacher', 'heun', 434)])).toBeNull();
    expect(headline([timed('student', 'one-step', 500), timed('teacher', 'heun', 434)])).toBeNull();
    expect(headline([timed('student', 'heun', 12), timed('teacher', 'heun', 434)])).toBeNull();
  });

  test('pairs images of one kind only', () => {
    const clothes = { model: { facts: { dataset: 'clothes', resolution: 32, channels: 1 } } };
    const opened = { model: { facts: { dataset: null, resolution: 64, channels: 3 } } };
    const cats = timed('teacher', 'heun', 434);
    expect(headline([timed('student', 'one-step', 2, clothes), cats])).toBeNull();
    expect(
      headline([timed('student', 'one-step', 2, clothes), timed('unknown', 'one-step', 9, opened), cats]),
    ).toMatchObject({
      fast: { ms: 9 },
    });
  });
});

test('the largest model is what was seen of it, else at least its parameters', () => {
  const model = (key: string, parameters: number) =>
    ({ facts: { key, parameters }, here: true, entry: null }) as never;
  const [small, large] = [model('small', 1e6), model('large', 3e6)];
  expect(largestModel([small, large], {}, 'wasm')).toEqual({ bytes: 12e6, seen: false });
  expect(largestModel([small, large], { large: 40e6 }, 'wasm')).toEqual({ bytes: 40e6, seen: true });
  expect(largestModel([small, large], { small: 40e6 }, 'wasm')).toEqual({ bytes: 40e6, seen: true });
  expect(largestModel([large], {}, 'webgpu')!.bytes).toBeLessThan(12e6); // half precision
  expect(largestModel([], {}, null)).toBeNull();
});
