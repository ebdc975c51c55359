import { expect, test } from 'vitest';
import { typedClass } from '../../src/state/models';
import { typedNumber } from '../../src/ui/typed-number';

const seed = { min: 0, max: 4_294_967_295 };
const whole = { min: 0, max: 1e6, whole: true };

test('numbers are read as people write them', () => {
  expect(
    ['7', ' 7.25 ', '7,25', '4,294,967,295', '4 294 967 295', "1'000"].map((t) => typedNumber(t, seed)),
  ).toEqual([7, 7.25, 7.25, 4_294_967_295, 4_294_967_295, 1000]);
  expect(['10,000', '3.6', '1e3', '-4', '99999999'].map((t) => typedNumber(t, whole))).toEqual([
    10_000, 4, 1000, 0, 1e6,
  ]);
  for (const text of ['', ' ', 'auto', '1,2,3', 'NaN', 'Infinity', '7 cats'])
    expect(typedNumber(text, seed)).toBeNull();
});

test('a class is typed as a word too', () => {
  const model = { classes: ['T-shirt/top', 'trouser', 'ankle boot'] };
  expect(['auto', 'Random', '', ' Ankle boot ', 'trouser', 'hat'].map((t) => typedClass(t, model))).toEqual([
    null,
    null,
    null,
    2,
    1,
    undefined,
  ]);
  expect(typedClass('auto', { classes: null })).toBeNull();
  expect(typedClass('cat', { classes: null })).toBeUndefined();
});
