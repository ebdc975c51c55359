import { expect, test } from 'vitest';
import { recipeText } from '../../src/features/generate/recipe';

test('a copied recipe has everything that makes the image again', () => {
  const recipe = {
    modelKey: 'clothes',
    model: 'Clothes, one step',
    seed: 7.25,
    classIndex: 9,
    className: 'ankle boot',
    sigma: 80,
    noise: 'seed' as const,
    mix: [],
    temperature: 1,
    evaluations: 1,
    sigmaMid: null,
    sampler: 'one-step',
  };
  expect(recipeText(recipe, 'https://host/#/generate?seed=7.25')).toBe(
    [
      'Model: Clothes, one step',
      'Seed: 7.25',
      'Class: 9, ankle boot',
      'Start sigma: 80',
      'Steps: 1, 1 evaluation',
      'https://host/#/generate?seed=7.25',
    ].join('\n'),
  );
  const mixed = {
    ...recipe,
    noise: 'painted' as const,
    mix: [{ index: 8, weight: 0.35 }],
    className: '0.65 ankle boot, 0.35 bag',
    temperature: 0.9,
  };
  expect(recipeText(mixed, '')).toContain(
    'Seed: 7.25\nNoise: the seed’s, painted over\nClass: 0.65 ankle boot, 0.35 bag\nStart sigma: 80\nTemperature: 0.9\n',
  );
  const two = { ...recipe, sampler: 'two-step', evaluations: 2, sigmaMid: 0.8 };
  expect(recipeText(two, '')).toContain('Start sigma: 80\nSecond sigma: 0.8\nSteps: 2, 2 evaluations');
});
