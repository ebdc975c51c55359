import { type ClassMix, type ClassShare, mixOf, mixWithin, sharesOf } from '../../lib/class-mix';
import type { NoiseSource } from '../../lib/noise-source';
import { between, type FramePlace, framePlace, type PathShape } from '../../lib/path';
import type { GenerateRequest, OwnInput } from '../../protocol/generate';
import { seedClass } from '../../rng/seeds';
import type { Latents } from '../generate/latents';
import type { Pin } from '../generate/points';
import { noiseOf, samplingOf } from '../generate/request';
import type { ModelFacts } from '../models';
import type { PathView } from './view';

/** A path of a model: what its frames are made of. */
export interface Path {
  model: ModelFacts;
  latents: Latents;
  stops: readonly Pin[];
  shape: PathShape;
  gain: PathView['gain'];
}

/** The path that a view shows through the pins, or through stops of its own; null where there are fewer than two. */
export function pathOf(
  { leg, loop, stops, gain }: PathView,
  pins: readonly Pin[],
  model: ModelFacts,
  latents: Latents,
): Path | null {
  const chosen = stops ?? pins;
  // A gain alone changes: the one stop is both ends.
  const all = gain && chosen.length === 1 ? [chosen[0]!, chosen[0]!] : chosen;
  return all.length < 2
    ? null
    : { model, latents, stops: all, gain, shape: { stops: all.length, leg, loop } };
}

/** How a frame is made: what is said of all images of a request, and what of this one. */
export interface FrameRecipe {
  place: FramePlace;
  seed: number;
  own: OwnInput & { classIndex: number | null; mix: ClassMix; temperature: number };
  sampling: Pick<GenerateRequest, 'sampler' | 'steps' | 'sigma' | 'sigmaMid' | 'gains'>;
}

/** Noise on the great circle between two stops; class weights and temperature linear, sigma by its ratio. */
export function frameRecipe(path: Path, frame: number): FrameRecipe {
  const place = framePlace(path.shape, frame);
  const { model, stops, shape, gain } = path;
  const [a, b] = [stops[place.from]!, stops[place.to]!];
  const { at } = place;
  const sigma = between(a.sigma ?? model.sigma, b.sigma ?? model.sigma, at, true);
  const gainAt = (stop: number) => gain && between(gain.from, gain.to, stop / (shape.stops - 1));
  const scaled = gain && between(gainAt(place.from)!, gainAt(place.to)!, at);
  return {
    place,
    seed: a.seed,
    own: {
      ...noiseBetween(path, a, b, at),
      ...classBetween(a, b, at, model.labelDim),
      temperature: tidy(between(a.temperature, b.temperature, at)),
    },
    sampling: {
      ...samplingOf({ ...a, sigma: tidy(sigma) }, model),
      ...(gain && { gains: { [gain.block]: tidy(scaled!) } }),
    },
  };
}

/** The request for some frames that are sampled alike. */
export function frameRequest({ model }: Path, recipes: readonly FrameRecipe[]): GenerateRequest {
  return {
    model: model.ref,
    seeds: recipes.map(({ seed }) => seed),
    classIndex: null,
    own: recipes.map(({ own }) => own),
    ...recipes[0]!.sampling,
    background: true,
  };
}

/** Frames of one key can be made in one request. */
export const samplingKey = ({ sampling }: FrameRecipe): string => JSON.stringify(sampling);

function noiseBetween({ model, latents }: Path, a: Pin, b: Pin, at: number): { noise?: NoiseSource } {
  const source = ({ noise, seed }: Pin): NoiseSource =>
    noiseOf(noise, seed, model, latents) ?? { kind: 'seed', seed };
  const from = source(a);
  const to = source(b);
  const same = a.seed === b.seed && JSON.stringify(a.noise) === JSON.stringify(b.noise);
  return { noise: at === 0 || same ? from : { kind: 'between', from, to, at } };
}

function classBetween(
  a: Pin,
  b: Pin,
  at: number,
  labelDim: number,
): { classIndex: number | null; mix: ClassMix } {
  if (labelDim === 0) return { classIndex: null, mix: [] };
  const weights = new Map<number, number>();
  for (const [pin, part] of [
    [a, 1 - at],
    [b, at],
  ] as const)
    for (const { index, weight } of sharesOf(ownClass(pin, labelDim), mixWithin(pin.mix, labelDim)))
      weights.set(index, (weights.get(index) ?? 0) + part * weight);
  const shares: ClassShare[] = [...weights]
    .filter(([, weight]) => weight > 0)
    .map(([index, weight]) => ({ index, weight }));
  const [first, ...others] = shares;
  if (!first) return { classIndex: null, mix: [] };
  const { own, mix } = mixOf(first, others);
  return { classIndex: own, mix };
}

const ownClass = ({ classIndex, seed }: Pin, labelDim: number): number =>
  classIndex !== null && classIndex < labelDim ? classIndex : seedClass(seed, labelDim);

/** Four decimals: what a link and a label can hold. */
const tidy = (value: number): number => Math.round(value * 1e4) / 1e4;
