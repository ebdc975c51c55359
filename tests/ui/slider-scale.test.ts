import { describe, expect, test } from 'vitest';
import { formatBytes, formatCount, formatMs } from '../../src/ui/format';
import { keyPosition, snap, toPosition, toValue } from '../../src/ui/slider-scale';

const none = { shiftKey: false, altKey: false };
const seeds = { min: 0, max: 64, step: 1, fine: 0.01 };
const classes = { min: 0, max: 9, step: 1 };
const sigma = { min: 0.1, max: 200, step: 0.02, log: true };

describe('slider keys', () => {
  test('arrows, with Shift and Alt', () => {
    expect(keyPosition(seeds, 7, 'ArrowRight', none)).toBe(8);
    expect(keyPosition(seeds, 7, 'ArrowDown', none)).toBe(6);
    expect(keyPosition(seeds, 7, 'ArrowUp', { ...none, shiftKey: true })).toBe(17);
    expect(keyPosition(seeds, 7.29, 'ArrowLeft', { ...none, altKey: true })).toBe(7.28);
  });
  test('a scale of whole numbers has nothing between its steps', () => {
    expect(keyPosition(classes, 9, 'ArrowLeft', { ...none, altKey: true })).toBe(8);
    expect(keyPosition(classes, 3, 'ArrowUp', { ...none, altKey: true })).toBe(4);
  });
  test('Page, Home and End', () => {
    expect(keyPosition(seeds, 7, 'PageUp', none)).toBe(13);
    expect(keyPosition({ min: 0, max: 3, step: 1 }, 1, 'PageDown', none)).toBe(0);
    expect(keyPosition(seeds, 7, 'Home', none)).toBe(0);
    expect(keyPosition(sigma, 1, 'End', none)).toBeCloseTo(2.301, 3);
  });
  test('other keys are not the slider’s', () => {
    expect(keyPosition(seeds, 7, 'g', none)).toBeNull();
  });
});

test('logarithmic scales', () => {
  expect(toPosition(sigma, 100)).toBeCloseTo(2);
  expect(toValue(sigma, Math.log10(80))).toBe(80);
  expect(toValue(sigma, -1)).toBe(0.1);
});

test('a drag snaps', () => {
  expect(snap(7.4, 1)).toBe(7);
  expect(snap(0.30000000000000004, 0.01)).toBe(0.3);
});

test('numbers as the page writes them', () => {
  expect([0.774, 18.42, 412.3, 1734.2].map(formatMs)).toEqual(['0.77', '18.4', '412', '1,734']);
  expect([12, 829_000, 6_807_652, 56_000_000, 1_180_000_000].map(formatBytes)).toEqual([
    '12 B',
    '829 kB',
    '6.8 MB',
    '56 MB',
    '1.18 GB',
  ]);
  expect([999, 191_000, 3_376_259, 295_900_000].map(formatCount)).toEqual(['999', '191 k', '3.4 M', '296 M']);
});
