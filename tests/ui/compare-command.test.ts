import { expect, test } from 'vitest';
import { commandFor } from '../../src/features/generate/compare/command';
import type { ShownRow } from '../../src/features/generate/compare/use-rows';

const rows = [
  { key: 'clothes', model: { facts: { labelDim: 3, classes: ['shirt', 'ankle boot', 'bag'] } } },
  { key: 'teacher@heun:18', model: { facts: null } },
] as unknown as ShownRow[];

const usual = { seed: 17, columns: 4, classIndex: null, mix: [], temperature: 1 };

test('the command of a comparison says class, mix and temperature where they are not as usual', () => {
  expect(commandFor(rows, usual)).toBe(
    'innate compare clothes teacher@heun:18 --seeds 17-20 --out sheet.png',
  );
  expect(commandFor(rows, { ...usual, classIndex: 1, temperature: 0.9 })).toContain(
    "--seeds 17-20 --class 'ankle boot' --temperature 0.9 --out",
  );
  const mix = [{ index: 2, weight: 0.3 }];
  expect(commandFor(rows, { ...usual, classIndex: 0, mix })).toContain('--class shirt:0.7,bag:0.3');
  expect(commandFor(rows, { ...usual, mix })).toContain('--class auto:0.7,bag:0.3');
  expect(commandFor(rows, { ...usual, mix: [{ index: 2, weight: 1 }] })).toContain('--class bag:1');
});
