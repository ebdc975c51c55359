import { expect, test } from 'vitest';
import { frames } from '../../src/features/distil/run/frames';

test('a strip shows both ends and what lies between evenly', () => {
  expect(frames(3, 12)).toEqual([0, 1, 2]);
  expect(frames(60, 5)).toEqual([0, 15, 30, 44, 59]);
  expect(frames(1, 5)).toEqual([0]);
});
