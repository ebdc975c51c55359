import type { Recipe } from '../../state/generate/images';
import { formatNumber, formatWhole } from '../../ui/format';

const STEPS: Record<string, string> = { 'one-step': '1', 'two-step': '2', heun: 'Heun' };

export const NOISE = {
  latent: 'a latent of your own',
  painted: 'the seed’s, painted over',
  'painted latent': 'a latent of your own, painted over',
} as const;

/** How an image is made again: terms and values, as they are shown. */
export function recipeFacts(recipe: Recipe): [string, string][] {
  const { classIndex, className, evaluations, mix, noise, temperature } = recipe;
  const named = className === null || className === String(classIndex) ? '' : `, ${className}`;
  const classText = mix.length > 0 ? (className ?? '') : `${classIndex}${named}`;
  return [
    ['Model', recipe.model],
    ['Seed', formatNumber(recipe.seed)],
    ...(noise === 'seed' ? [] : ([['Noise', NOISE[noise]]] as [string, string][])),
    ...(classIndex === null ? [] : ([['Class', classText]] as [string, string][])),
    ['Start sigma', formatNumber(recipe.sigma)],
    ...(temperature === 1 ? [] : ([['Temperature', formatNumber(temperature)]] as [string, string][])),
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
