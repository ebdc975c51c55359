import { formatMix } from '../../lib/class-mix';
import { chosenSampler, defaultSteps, SAMPLER_NAMES } from '../../lib/sampling';
import { seedClass } from '../../rng/seeds';
import type { Recipe } from '../generate/images';
import type { Pin } from '../generate/points';
import { defaultView, type ViewState } from '../generate/view';
import type { ModelFacts } from '../models';
import { formatHash } from '../url';

/** The keyword of the text that restores a picture's view: the fragment of its link. */
const LINK = 'link';

/** The fragment that shows one image again; how many there are beside it is the screen's matter. */
export function imageFragment(
  pin: Pin,
  model: Pick<ModelFacts, 'key' | 'labelDim' | 'resolution' | 'sigma' | 'sigmaMid'>,
): string {
  const { seed, classIndex, noise, sampler, steps, sigma, mix, temperature } = pin;
  const drawn = model.labelDim > 0 ? seedClass(seed, model.labelDim) : null;
  const view: ViewState = {
    ...defaultView(1),
    model: model.key,
    seed,
    mix,
    temperature,
    classIndex: classIndex === drawn ? null : classIndex,
    sampler: sampler && chosenSampler(sampler, model),
    steps: steps === defaultSteps(model.resolution) ? null : steps,
    sigma: sigma === model.sigma ? null : sigma,
    own: noise ? [{ place: 0, classIndex: null, noise }] : [],
  };
  return formatHash(view, defaultView(1));
}

/** A recipe as a pin: what of it a link can say. */
export const recipePin = ({
  seed,
  classIndex,
  mix,
  temperature,
  sampler,
  sigma,
  evaluations,
}: Recipe): Pin => ({
  seed,
  classIndex,
  mix,
  temperature,
  sigma,
  sampler: SAMPLER_NAMES.find((name) => name === sampler) ?? null,
  steps: sampler === 'heun' ? (evaluations + 1) / 2 : null,
  noise: null,
});

/** The fragment of all that is in view. */
export const viewFragment = (view: ViewState): string => formatHash(view, defaultView(0));

/** What a picture says of itself: the same keywords as the command line's, and the link that shows it. */
export function pngText(recipe: Recipe, link: string): Record<string, string> {
  const { modelKey, seed, classIndex, mix, sampler, sigma, sigmaMid, temperature, evaluations } = recipe;
  return {
    software: 'innate',
    model: modelKey,
    seed: String(seed),
    ...(classIndex !== null && { class: String(classIndex) }),
    ...(mix.length > 0 && { mix: formatMix(mix) }),
    sampler,
    ...(sampler === 'heun' && { steps: String((evaluations + 1) / 2) }),
    sigma: String(sigma),
    ...(sigmaMid !== null && { 'sigma-mid': String(sigmaMid) }),
    ...(temperature !== 1 && { temperature: String(temperature) }),
    [LINK]: link,
  };
}

/** What a sheet of pictures says of itself. */
export const sheetText = (link: string): Record<string, string> => ({ software: 'innate', [LINK]: link });

/**
 * The fragment that restores what a PNG shows, of the page's own files and of those of the command line; null where the
 * file says nothing of it.
 */
export function fragmentIn(text: Readonly<Record<string, string>> | null): string | null {
  if (text?.software !== 'innate') return null;
  const link = text[LINK];
  if (link?.startsWith('#/')) return link;
  const { model, seed = text.seeds?.match(/^\d+(\.\d+)?/)?.[0], sampler, steps } = text;
  if (!model || seed === undefined) return null;
  const params = new URLSearchParams({ model, seed });
  for (const name of ['class', 'mix', 'sampler', 'sigma', 'temperature'] as const)
    if (text[name] !== undefined) params.set(name, text[name]);
  if (steps !== undefined && sampler === 'heun') params.set('steps', steps);
  return `#/generate?${params}`;
}
