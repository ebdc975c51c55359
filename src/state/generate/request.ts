import { mixWithin } from '../../lib/class-mix';
import type { NoiseSource } from '../../lib/noise-source';
import { defaultSteps, evaluations, ownSampler, SIGMA_MID } from '../../lib/sampling';
import type { GenerateRequest, OwnInput } from '../../protocol/generate';
import type { ModelFacts } from '../models';
import { classWords, type Recipe } from './images';
import type { Latents } from './latents';
import type { OwnNoise, OwnPlace, Pin } from './points';
import { seedAt, type ViewState } from './view';

/** The engine's request for what the view shows. A class that the network does not have is left out. */
export function buildRequest(
  view: ViewState,
  model: ModelFacts,
  latents: Latents,
  unseen: readonly number[] = [],
): GenerateRequest {
  const seeds = Array.from({ length: view.count }, (_, i) => seedAt(view.seed, i));
  const own = ownInputs(view.own, seeds, model, latents);
  return {
    model: model.ref,
    seeds,
    classIndex: classWithin(view.classIndex, model),
    ...(view.mix.length > 0 && { mix: mixWithin(view.mix, model.labelDim) }),
    ...(view.temperature !== 1 && { temperature: view.temperature }),
    ...(own.some(Boolean) && { own }),
    ...samplingOf(view, model),
    first: view.selected,
    ...(unseen.length > 0 && { unseen: unseen.filter((place) => place < view.count) }),
  };
}

const classWithin = (index: number | null, { labelDim }: ModelFacts): number | null =>
  index !== null && index < labelDim ? index : null;

/** How images are sampled: as the settings say, else as the model does by itself. */
export const samplingOf = (
  { sampler, steps, sigma }: Pick<ViewState, 'sampler' | 'steps' | 'sigma'>,
  model: ModelFacts,
): Pick<GenerateRequest, 'sampler' | 'steps' | 'sigma' | 'sigmaMid'> => ({
  sampler: sampler ?? ownSampler(model),
  steps: steps ?? defaultSteps(model.resolution),
  sigma: sigma ?? model.sigma,
  sigmaMid: model.sigmaMid ?? SIGMA_MID,
});

/** What the engine is told of the places that have something of their own, by place; null for the others. */
export function ownInputs(
  places: readonly OwnPlace[],
  seeds: readonly number[],
  model: ModelFacts,
  latents: Latents,
): (OwnInput | null)[] {
  const byPlace = new Map(places.map((own) => [own.place, own]));
  return seeds.map((seed, place) => {
    const own = byPlace.get(place);
    if (!own) return null;
    const classIndex = classWithin(own.classIndex, model);
    const noise = noiseOf(own.noise, seed, model, latents);
    if (!noise && classIndex === null) return null; // of another model
    // A class that is kept is kept whole: what is mixed with the others is not mixed with it.
    return { ...(noise && { noise }), ...(classIndex !== null && { classIndex, mix: [] }) };
  });
}

/** Noise that is not the seed's alone, where it fits the model; null = the seed's. */
export function noiseOf(
  noise: OwnNoise | null,
  seed: number,
  model: Pick<ModelFacts, 'channels' | 'resolution'>,
  latents: Latents,
): NoiseSource | null {
  if (!noise) return null;
  const values = noise.latent === null ? null : latents.fitting(noise.latent, model);
  const under: NoiseSource = values ? { kind: 'latent', values } : { kind: 'seed', seed };
  if (noise.strokes.length > 0) return { kind: 'painted', under, strokes: noise.strokes };
  return values ? under : null;
}

/** The engine's request for one pinned image. */
export function pinRequest(pin: Pin, model: ModelFacts, latents: Latents): GenerateRequest {
  const noise = noiseOf(pin.noise, pin.seed, model, latents);
  return {
    model: model.ref,
    seeds: [pin.seed],
    classIndex: classWithin(pin.classIndex, model),
    mix: mixWithin(pin.mix, model.labelDim),
    temperature: pin.temperature,
    ...(noise && { own: [{ noise }] }),
    ...samplingOf(pin, model),
  };
}

/** The image at a place of the view as a pin: with the class that it has now, whatever gave it. */
export function pinOf(view: ViewState, { recipe }: { recipe: Recipe }, place: number): Pin {
  const own = view.own.find((o) => o.place === place);
  return {
    seed: recipe.seed,
    classIndex: recipe.classIndex,
    mix: recipe.mix,
    sigma: view.sigma,
    temperature: recipe.temperature,
    sampler: view.sampler,
    steps: view.steps,
    noise: own?.noise ?? null,
  };
}

export function recipeOf(
  request: GenerateRequest,
  model: Pick<ModelFacts, 'key' | 'name' | 'classes'>,
  index: number,
  classIndex: number | null,
): Recipe {
  const own = request.own?.[index];
  const mix = classIndex === null ? [] : (own?.mix ?? request.mix ?? []);
  return {
    modelKey: model.key,
    model: model.name,
    seed: request.seeds[index]!,
    noise: noiseWords(own?.noise),
    classIndex,
    mix,
    className: classWords(model.classes, classIndex, mix),
    sigma: request.sigma,
    temperature: own?.temperature ?? request.temperature ?? 1,
    sigmaMid: request.sampler === 'two-step' ? request.sigmaMid : null,
    sampler: request.sampler,
    evaluations: evaluations(request),
  };
}

const noiseWords = (noise: NoiseSource | undefined): Recipe['noise'] => {
  if (noise?.kind === 'painted') return noise.under.kind === 'latent' ? 'painted latent' : 'painted';
  return noise?.kind === 'latent' ? 'latent' : 'seed';
};

const dragged = ['seeds', 'classIndex', 'mix', 'temperature', 'own', 'sigma', 'first', 'unseen'] as const;

/** Whether two requests differ only in what a slider drags: the same work on other numbers. */
export function sameWork(a: GenerateRequest, b: GenerateRequest): boolean {
  const rest = (r: GenerateRequest) =>
    JSON.stringify({ ...r, ...Object.fromEntries(dragged.map((k) => [k, 0])) });
  return a.seeds.length === b.seeds.length && rest(a) === rest(b);
}
