import { expect, test } from 'vitest';
import { GAP, mapLayout, ROW } from '../../src/features/layers/map-layout';
import { cellAfter } from '../../src/features/layers/use-chosen-cell';

test('keys of the map go to the neighbouring cell, five rows on, or to an end of the row', () => {
  const at = { row: 7, level: 4 };
  expect(cellAfter('ArrowUp', at, 18)).toEqual({ row: 6, level: 4 });
  expect(cellAfter('ArrowDown', at, 18)).toEqual({ row: 8, level: 4 });
  expect(cellAfter('ArrowLeft', at, 18)).toEqual({ row: 7, level: 3 });
  expect(cellAfter('ArrowRight', at, 18)).toEqual({ row: 7, level: 5 });
  expect(cellAfter('PageUp', at, 18)).toEqual({ row: 2, level: 4 });
  expect(cellAfter('PageDown', at, 18)).toEqual({ row: 12, level: 4 });
  expect(cellAfter('Home', at, 18)).toEqual({ row: 7, level: 0 });
  expect(cellAfter('End', at, 18)).toEqual({ row: 7, level: 17 });
  expect(cellAfter('Enter', at, 18)).toBeNull();
});

test('where no row is chosen the first key down chooses the first one', () => {
  const nowhere = { row: -1, level: 4 };
  expect(cellAfter('ArrowDown', nowhere, 18)).toEqual({ row: 0, level: 4 });
  expect(cellAfter('ArrowRight', nowhere, 18)).toEqual({ row: 0, level: 5 });
});

test('rows follow each other, with a gap before the decoder where there is an encoder', () => {
  const { height, top } = mapLayout(20, 8);
  expect([0, 7, 8, 19].map(top)).toEqual([0, 7 * ROW, 8 * ROW + GAP, 19 * ROW + GAP]);
  expect(height).toBe(top(19) + ROW);
  for (const split of [0, -1]) expect(mapLayout(20, split)).toMatchObject({ height: 20 * ROW });
  expect(mapLayout(20, -1).top(19)).toBe(19 * ROW);
});
