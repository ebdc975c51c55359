import { expect, test } from 'vitest';
import { formatDuration, formatSmall, formatValue, formatWhole } from '../../src/ui/format';

test('measured values have three digits', () => {
  expect([0, 0.8374, 1.2749, 24.13, 310.4, -0.0552].map(formatValue)).toEqual([
    '0.00',
    '0.837',
    '1.27',
    '24.1',
    '310',
    '−0.0552',
  ]);
  expect(formatValue(0.00041)).toBe('4.1e-4');
  expect([12_345.6, -4000].map(formatValue)).toEqual(['12,346', '−4,000']);
});

test('rates are written as one types them', () => {
  expect([0, 2e-4, 1.5e-4, 0.01, 1].map(formatSmall)).toEqual(['0', '2e-4', '1.5e-4', '0.01', '1']);
  for (const rate of [2e-4, 8e-6, 0.01]) expect(Number(formatSmall(rate))).toBe(rate);
});

test('durations', () => {
  expect([9, 760, 3599.7, 11_100, 180_000].map(formatDuration)).toEqual([
    '0:09',
    '12:40',
    '1 h 00 min',
    '3 h 05 min',
    '2 d 2 h',
  ]);
  expect(formatWhole(10_000)).toBe('10,000');
});
