import type { Recipe } from '../../state/generate/images';
import { formatNumber, formatWhole } from '../../ui/format';

const STEPS: Record<string, string> = { 'one-step': '1', 'two-step': '2', heun: 'Heun' };

/** How an image is made again: terms and values, as they are shown. */
export function recipeFacts(recipe: Recipe): [string, string][] {
  const { classIndex, className, evaluations } = recipe;
  const named = className === null || className === String(classIndex) ? '' : `, ${className}`;
  return [
    ['Model', recipe.model],
    ['Seed', formatNumber(recipe.seed)],
    ...(classIndex === null ? [] : ([['Class', `${classIndex}${named}`]] as [string, string][])),
    ['Start sigma', formatNumber(recipe.sigma)],
    ...(recipe.sigmaMid === null
      ? []
      : ([['Second sigma', formatNumber(recipe.sigmaMid)]] as [string, string][])),
    [
      'Steps',
      `${STEPS[recipe.sampler] ?? recipe.sampler}, ${formatWhole(evaluations)} ${evaluations === 1 ? 'evaluation' : 'evaluations'}`,
    ],
  ];
}

/** The recipe as text for the clipboard, one fact a line, and the address that shows it. */
export const recipeText = (recipe: Recipe, link: string): string =>
  [...recipeFacts(recipe).map(([term, value]) => `${term}: ${value}`), link].join('\n');
