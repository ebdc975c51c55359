import type { ViewState } from './generate/view';
import type { LayersView } from './layers/view';
import type { Prefs } from './prefs';

export type Place =
  | { where: 'url'; param: string }
  | { where: 'storage'; key: string }
  | { where: 'nowhere' };

/**
 * Where each piece of state lives between visits: the one table. A key that is added to the state does not
 * compile until it has its place here. Engine status, images, the catalogue and
 * distillations are made anew on every visit.
 */
export const VIEW_PLACES = {
  tab: { where: 'url', param: '' }, // the path of the fragment: #/generate
  model: { where: 'url', param: 'model' },
  seed: { where: 'url', param: 'seed' },
  classIndex: { where: 'url', param: 'class' },
  count: { where: 'url', param: 'count' },
  sampler: { where: 'url', param: 'sampler' },
  steps: { where: 'url', param: 'steps' },
  sigma: { where: 'url', param: 'sigma' },
  selected: { where: 'url', param: 'selected' },
  layers: { where: 'url', param: '' }, // the parameters below
} as const satisfies Record<keyof ViewState, Place>;

/** What the Layers tab adds to the address while it is shown. */
export const LAYERS_PLACES = {
  partner: { where: 'url', param: 'with' },
  quantity: { where: 'url', param: 'quantity' },
  input: { where: 'url', param: 'input' },
  scale: { where: 'url', param: 'scale' },
  spacing: { where: 'url', param: 'spacing' },
  levels: { where: 'url', param: 'levels' },
  samples: { where: 'url', param: 'samples' },
  row: { where: 'url', param: 'layer' },
  at: { where: 'url', param: 'at' },
  open: { where: 'url', param: 'open' },
  gains: { where: 'url', param: 'gain' },
  normalise: { where: 'url', param: 'normalise' },
  decibel: { where: 'url', param: 'db' },
  channel: { where: 'url', param: 'channel' },
  versus: { where: 'url', param: 'versus' },
  versusAt: { where: 'url', param: 'other' },
  frequencies: { where: 'url', param: 'frequencies' },
  guide: { where: 'url', param: 'guide' },
} as const satisfies Record<keyof LayersView, Place>;

export const PREF_PLACES = {
  theme: { where: 'storage', key: 'innate.theme' },
  backend: { where: 'storage', key: 'innate.backend' },
  precision: { where: 'storage', key: 'innate.precision' },
  tiles: { where: 'storage', key: 'innate.tiles' },
  smooth: { where: 'storage', key: 'innate.smooth' },
} as const satisfies Record<keyof Prefs, Place>;
