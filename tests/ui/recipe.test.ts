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
  const two = { ...recipe, sampler: 'two-step', evaluations: 2, sigmaMid: 0.8 };
  expect(recipeText(two, '')).toContain('Start sigma: 80\nSecond sigma: 0.8\nSteps: 2, 2 evaluations');
});
