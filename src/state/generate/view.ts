import { createStore, type StoreApi } from 'zustand/vanilla';
import { type ClassMix, mixWithin } from '../../lib/class-mix';
import type { SamplerName } from '../../lib/sampling';
import { MAX_SEED } from '../../rng/seeds';
import type { ModelFacts } from '../models';
import type { Place } from '../place';
import type { OwnPlace, Pin } from './points';

export const TABS = ['generate', 'distil', 'layers', 'models'] as const;
export type Tab = (typeof TABS)[number];

/** What a person looks at. A link carries it (state/url.ts). */
export interface ViewState {
  tab: Tab;
  /** Catalogue id or key of an opened file; null = the default model. */
  model: string | null;
  /** The seed of the first image; image i has seed + i. Fractions blend neighbours. */
  seed: number;
  /** null = the class that each seed draws. */
  classIndex: number | null;
  /** Classes that each image's own is mixed with. */
  mix: ClassMix;
  /** What the noise is multiplied by. */
  temperature: number;
  count: number;
  /** Null = the model's own: one step, or two of a two-step student. */
  sampler: SamplerName | null;
  /** Heun steps; null = the paper's number for the network's resolution. */
  steps: number | null;
  /** Noise level of the first evaluation; null = where the model starts. */
  sigma: number | null;
  /** Index of the image whose recipe is shown. */
  selected: number;
  /** What single places of the grid have of their own. */
  own: readonly OwnPlace[];
  /** Images that a person keeps in view. */
  pins: readonly Pin[];
  /** A path through the pins that takes the grid, as the query of its link (state/path/view.ts); empty = none. */
  path: string;
  /** Rows of several models are shown in place of one. */
  compare: boolean;
  /** What they are, as the query of a link (state/compare/view.ts): kept while one model is shown. */
  comparison: string;
  /** What the Layers tab shows, as the query of its link (state/layers/view.ts): read when the tab is. */
  layers: string;
}

/** Where each key of the view lives between visits. */
export const VIEW_PLACES = {
  tab: { where: 'url', param: '' }, // the path of the fragment: #/generate
  model: { where: 'url', param: 'model' },
  seed: { where: 'url', param: 'seed' },
  classIndex: { where: 'url', param: 'class' },
  mix: { where: 'url', param: 'mix' }, // mix=4:0.35,7:0.2
  temperature: { where: 'url', param: 'temperature' },
  count: { where: 'url', param: 'count' },
  sampler: { where: 'url', param: 'sampler' },
  steps: { where: 'url', param: 'steps' },
  sigma: { where: 'url', param: 'sigma' },
  selected: { where: 'url', param: 'selected' },
  own: { where: 'url', param: 'own' }, // own=3@class=1;5@paint=... (points.ts)
  pins: { where: 'url', param: 'pins' }, // pins=23@class=1;4 (points.ts)
  path: { where: 'url', param: '' }, // leg=24&fps=24&loop=1 (state/path/view.ts)
  compare: { where: 'url', param: 'mode' }, // mode=compare
  comparison: { where: 'url', param: '' }, // the parameters below
  layers: { where: 'url', param: '' }, // the parameters below
} as const satisfies Record<keyof ViewState, Place>;

export type ViewStore = StoreApi<ViewState>;

export const MAX_COUNT = 64;

/** How a model is sampled unless a person has chosen otherwise for it: in its own steps, from where it starts. */
export const OWN_SAMPLING = { sampler: null, steps: null, sigma: null } as const satisfies Sampling;
export type Sampling = Pick<ViewState, 'sampler' | 'steps' | 'sigma'>;

export function defaultView(count = 24): ViewState {
  return {
    tab: 'generate',
    model: null,
    seed: 0,
    classIndex: null,
    mix: [],
    temperature: 1,
    count,
    ...OWN_SAMPLING,
    selected: 0,
    own: [],
    pins: [],
    path: '',
    compare: false,
    comparison: '',
    layers: '',
  };
}

export const createViewStore = (initial: ViewState): ViewStore => createStore(() => initial);

/** Whether anybody sees the images of one model: while others are looked at, they are not made. */
export const oneModelShown = ({ tab, compare }: ViewState): boolean => tab !== 'layers' && !compare;

/** Whether the grid shows the images of seeds: a path takes their place. */
export const gridShown = (view: ViewState): boolean => oneModelShown(view) && view.path === '';

/** The view once the model is known: the key that is really shown, and no class that it does not have. */
export function settledView(
  { classIndex, mix, compare }: ViewState,
  { key, labelDim }: Pick<ModelFacts, 'key' | 'labelDim'>,
): Pick<ViewState, 'model' | 'classIndex' | 'mix'> {
  // Side by side, the class is of the rows' models.
  if (compare) return { model: key, classIndex, mix };
  const stays = classIndex === null || classIndex < labelDim;
  return { model: key, classIndex: stays ? classIndex : null, mix: mixWithin(mix, labelDim) };
}

/** Four decimals: what a slider or a field can mean, without the dust of floating point. */
export function tidySeed(seed: number): number {
  return Math.round(Math.min(MAX_SEED, Math.max(0, seed)) * 1e4) / 1e4;
}

/** Seed of image `index`; the last seed is followed by 0. */
export function seedAt(seed: number, index: number): number {
  const s = tidy(seed + index);
  if (Math.floor(s) > MAX_SEED) return tidy(s - (MAX_SEED + 1));
  return Math.min(s, MAX_SEED);
}

const tidy = (s: number) => Math.round(s * 1e4) / 1e4;
