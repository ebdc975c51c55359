import { expect, test } from 'vitest';
import { between, frameCount, framePlace, walkFrames } from '../../src/lib/path';

test('a loop ends before its first frame would come again; any other path ends at its last stop', () => {
  expect(frameCount({ stops: 4, leg: 24, loop: true })).toBe(96);
  expect(frameCount({ stops: 4, leg: 24, loop: false })).toBe(73);
  expect(frameCount({ stops: 1, leg: 24, loop: true })).toBe(0);
});

test('every stop is a frame of its own', () => {
  const open = { stops: 3, leg: 4, loop: false };
  expect(framePlace(open, 0)).toEqual({ from: 0, to: 1, at: 0 });
  expect(framePlace(open, 5)).toEqual({ from: 1, to: 2, at: 0.25 });
  expect(framePlace(open, frameCount(open) - 1)).toEqual({ from: 1, to: 2, at: 1 });
  const loop = { ...open, loop: true };
  expect(framePlace(loop, 8)).toEqual({ from: 2, to: 0, at: 0 });
  expect(framePlace(loop, 11)).toEqual({ from: 2, to: 0, at: 0.75 });
});

test('a walk is spread over the path, and never shows a frame twice', () => {
  expect(walkFrames(96, 24)).toEqual(Array.from({ length: 24 }, (_, i) => 4 * i));
  expect(walkFrames(5, 24)).toEqual([0, 1, 2, 3, 4]);
});

test('noise levels go by their ratio', () => {
  expect(between(5, 80, 0.5, true)).toBeCloseTo(20);
  expect(between(0, 2, 0.25, true)).toBe(0.5);
  expect(between(1, 3, 0.5)).toBe(2);
});
