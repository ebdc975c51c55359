import { describe, expect, test } from 'vitest';
import { cellAfter } from '../../src/ui/network-map/cells';
import { GAP, mapLayout, ROW } from '../../src/ui/network-map/layout';

const whole = { rows: 20, columns: 18 };

test('keys of the map go to the neighbouring cell, five rows on, or to an end of the row', () => {
  const at = { row: 7, column: 4 };
  expect(cellAfter('ArrowUp', at, whole)).toEqual({ row: 6, column: 4 });
  expect(cellAfter('ArrowDown', at, whole)).toEqual({ row: 8, column: 4 });
  expect(cellAfter('ArrowLeft', at, whole)).toEqual({ row: 7, column: 3 });
  expect(cellAfter('ArrowRight', at, whole)).toEqual({ row: 7, column: 5 });
  expect(cellAfter('PageUp', at, whole)).toEqual({ row: 2, column: 4 });
  expect(cellAfter('PageDown', at, whole)).toEqual({ row: 12, column: 4 });
  expect(cellAfter('Home', at, whole)).toEqual({ row: 7, column: 0 });
  expect(cellAfter('End', at, whole)).toEqual({ row: 7, column: 17 });
  expect(cellAfter('Enter', at, whole)).toBeNull();
});

test('at an edge a key stays where it is, so that the page does not scroll away', () => {
  expect(cellAfter('ArrowUp', { row: 0, column: 0 }, whole)).toEqual({ row: 0, column: 0 });
  expect(cellAfter('ArrowLeft', { row: 0, column: 0 }, whole)).toEqual({ row: 0, column: 0 });
  expect(cellAfter('ArrowDown', { row: 19, column: 17 }, whole)).toEqual({ row: 19, column: 17 });
  expect(cellAfter('ArrowRight', { row: 19, column: 17 }, whole)).toEqual({ row: 19, column: 17 });
  expect(cellAfter('PageUp', { row: 3, column: 2 }, whole)).toEqual({ row: 0, column: 2 });
  expect(cellAfter('PageDown', { row: 18, column: 2 }, whole)).toEqual({ row: 19, column: 2 });
});

test('where no row is chosen the first key down chooses the first one', () => {
  const nowhere = { row: -1, column: 4 };
  expect(cellAfter('ArrowDown', nowhere, whole)).toEqual({ row: 0, column: 4 });
  expect(cellAfter('ArrowUp', nowhere, whole)).toEqual({ row: 0, column: 4 });
  expect(cellAfter('ArrowRight', nowhere, whole)).toEqual({ row: 0, column: 5 });
});

describe('a map with gaps', () => {
  const drawn = ['x.x..', 'x....', 'x.xx.', '.....', '...xx'];
  const shape = {
    rows: drawn.length,
    columns: 5,
    has: ({ row, column }: { row: number; column: number }) => drawn[row]?.[column] === 'x',
  };

  test('is walked over its gaps, and where a column ends to the nearest cell of the next row', () => {
    expect(cellAfter('ArrowRight', { row: 0, column: 0 }, shape)).toEqual({ row: 0, column: 2 });
    expect(cellAfter('ArrowDown', { row: 0, column: 2 }, shape)).toEqual({ row: 2, column: 2 });
    expect(cellAfter('ArrowDown', { row: 2, column: 2 }, shape)).toEqual({ row: 4, column: 3 });
    expect(cellAfter('ArrowUp', { row: 4, column: 4 }, shape)).toEqual({ row: 2, column: 3 });
    expect(cellAfter('End', { row: 2, column: 0 }, shape)).toEqual({ row: 2, column: 3 });
    expect(cellAfter('Home', { row: 4, column: 4 }, shape)).toEqual({ row: 4, column: 3 });
    expect(cellAfter('PageDown', { row: 0, column: 2 }, shape)).toEqual({ row: 4, column: 3 });
  });
});

test('rows follow each other, with a gap where the side of the network changes', () => {
  const sides = (...counts: number[]) =>
    counts.flatMap((count, i) => Array<string>(count).fill(['mapping', 'encoder', 'decoder'][i]!));
  const { height, top, gapBefore } = mapLayout(sides(0, 8, 12));
  expect([0, 7, 8, 19].map(top)).toEqual([0, 7 * ROW, 8 * ROW + GAP, 19 * ROW + GAP]);
  expect(height).toBe(top(19) + ROW);
  expect([0, 7, 8, 9].map(gapBefore)).toEqual([0, 0, GAP, 0]);
  for (const one of [sides(0, 0, 20), sides(0, 20)]) {
    const layout = mapLayout(one);
    expect(layout).toMatchObject({ height: 20 * ROW });
    expect(layout.top(19)).toBe(19 * ROW);
  }
  const pressed = mapLayout(sides(1, 3, 2), { pitch: 24, gap: 24 });
  expect([0, 1, 4].map(pressed.top)).toEqual([0, 48, 144]);
  expect(pressed.height).toBe(8 * 24);
});
