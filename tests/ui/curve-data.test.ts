import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  axisFor,
  heightOn,
  indexAfter,
  nearestIndex,
  smooth,
  spreadLabels,
  thinOut,
  ticksUpTo,
  valueAt,
} from '../../src/ui/curve-data';

describe('smooth', () => {
  test('starts at the first value, not at zero', () => {
    expect(smooth([4, 4, 4], 0.9)).toEqual([expect.closeTo(4), expect.closeTo(4), expect.closeTo(4)]);
  });
  test('weight 0 changes nothing, gaps stay gaps', () => {
    expect(smooth([1, null, 3], 0)).toEqual([1, null, 3]);
    expect(smooth([1, null, Number.NaN, 3], 0.5)).toEqual([1, null, null, expect.closeTo(7 / 3)]);
  });
  test('stays between the lowest and the highest value', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1 }), (values) => {
        const low = Math.min(...values) - 1e-9;
        const high = Math.max(...values) + 1e-9;
        for (const v of smooth(values, 0.95)) expect(v! >= low && v! <= high).toBe(true);
      }),
    );
  });
});

describe('thinOut', () => {
  test('few values stay as they are, without the gaps', () => {
    expect(thinOut([1, null, 3], 10)).toEqual([0, 2]);
    expect(thinOut([], 10)).toEqual([]);
  });
  test('keeps both ends and every peak, in order', () => {
    const values = Array.from({ length: 10_000 }, () => 0);
    values[1234] = 9;
    values[7777] = -9;
    const kept = thinOut(values, 200);
    expect(kept.length).toBeLessThanOrEqual(202);
    expect(kept).toEqual(kept.toSorted((a, b) => a - b));
    for (const i of [0, 1234, 7777, 9999]) expect(kept).toContain(i);
  });
});

describe('axes', () => {
  test('round ends around all values', () => {
    expect(axisFor([0.3, 1.7], false)).toMatchObject({ min: 0, max: 2, ticks: [0, 0.5, 1, 1.5, 2] });
    expect(axisFor([-0.9, 0.4], false)).toMatchObject({ min: -1, max: 0.5 });
    const { min, max } = axisFor([5, 5], false);
    expect(min).toBeLessThanOrEqual(5);
    expect(max).toBeGreaterThanOrEqual(5);
    expect(max).toBeGreaterThan(min);
  });
  test('nothing to show is an axis all the same', () => {
    expect(axisFor([], false).ticks).toEqual([0, 1]);
    expect(axisFor([null, -1], true).ticks).toEqual([0.1, 1]);
  });
  test('a log axis goes by decades and leaves out what is not positive', () => {
    const axis = axisFor([0.7, 24, 0, null], true);
    expect(axis).toMatchObject({ min: 0.1, max: 100, ticks: [0.1, 1, 10, 100] });
    expect(axisFor([2, 7], true).ticks).toEqual([1, 2, 5, 10]);
    expect(heightOn(axis, 1)).toBeCloseTo(1 / 3);
    expect(heightOn(axis, 0)).toBeNull();
  });
  test('values that differ in their last bit still have an axis', () => {
    const axis = axisFor([0.000001, 0.0000010000000000000002], false);
    expect(axis.max).toBeGreaterThan(axis.min);
    expect(heightOn(axis, 0.000001)).toBeGreaterThanOrEqual(0);
  });

  test('every value is within its axis', () => {
    const value = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), fc.boolean(), (values, log) => {
        const axis = axisFor(values, log);
        for (const v of values) {
          const height = heightOn(axis, v)!;
          expect(height).toBeGreaterThanOrEqual(-1e-6);
          expect(height).toBeLessThanOrEqual(1 + 1e-6);
        }
      }),
    );
  });
  test('x ticks are whole', () => {
    expect(ticksUpTo(32, 5)).toEqual([0, 10, 20, 30]);
    expect(ticksUpTo(3, 5)).toEqual([0, 1, 2, 3]);
    expect(ticksUpTo(0, 5)).toEqual([0]);
    expect(ticksUpTo(10_000, 5)).toEqual([0, 2000, 4000, 6000, 8000, 10_000]);
  });
});

test('labels keep their distance and stay inside', () => {
  expect(spreadLabels([10, 100], 17, 150)).toEqual([10, 100]);
  expect(spreadLabels([50, 48], 17, 150)).toEqual([65, 48]);
  const placed = spreadLabels([150, 149, 148], 17, 150);
  expect(Math.max(...placed)).toBeLessThanOrEqual(150);
  expect(placed[0]! - placed[1]!).toBeGreaterThanOrEqual(17);
  expect(placed[1]! - placed[2]!).toBeGreaterThanOrEqual(17);
});

test('nearest index, last known value', () => {
  expect(nearestIndex([], 3)).toBe(-1);
  expect([0, 14, 16, 33, 99].map((x) => nearestIndex([8, 16, 32], x))).toEqual([0, 1, 1, 2, 2]);
  expect(valueAt([1, null, null], 2)).toBe(1);
  expect(valueAt([null, 2], 0)).toBeNull();
});

describe('keys', () => {
  test('arrows go by one, with Shift by ten, pages by a tenth; nothing goes beyond an end', () => {
    expect(indexAfter('ArrowLeft', false, 50, 100)).toBe(49);
    expect(indexAfter('ArrowUp', true, 50, 100)).toBe(60);
    expect(indexAfter('PageDown', false, 50, 100)).toBe(40);
    expect(indexAfter('ArrowLeft', true, 3, 100)).toBe(0);
    expect(indexAfter('PageUp', false, 95, 100)).toBe(99);
  });
  test('Home goes to the first value, End and Escape to the newest', () => {
    expect(['Home', 'End', 'Escape'].map((key) => indexAfter(key, false, 50, 100))).toEqual([0, 99, 99]);
  });
  test('other keys, and keys without a value to go to, are left to the page', () => {
    expect(indexAfter('Tab', false, 50, 100)).toBeNull();
    expect(indexAfter('End', false, -1, 0)).toBeNull();
  });
});
