import { expect, test } from 'vitest';
import { defaultSteps, evaluations } from '../../src/lib/sampling';

test('evaluations of each sampler', () => {
  expect(
    (['one-step', 'two-step', 'heun'] as const).map((sampler) => evaluations({ sampler, steps: 18 })),
  ).toEqual([1, 2, 35]);
});

test('the steps of the paper', () => {
  expect([16, 32, 64].map(defaultSteps)).toEqual([18, 18, 40]);
});
