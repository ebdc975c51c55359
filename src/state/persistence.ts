import type { Prefs } from './prefs';
import type { ViewState } from './view';

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
  layers: { where: 'url', param: '' }, // parameters of its own: every one that is not named here
} as const satisfies Record<keyof ViewState, Place>;

export const PREF_PLACES = {
  theme: { where: 'storage', key: 'innate.theme' },
  backend: { where: 'storage', key: 'innate.backend' },
  precision: { where: 'storage', key: 'innate.precision' },
  smooth: { where: 'storage', key: 'innate.smooth' },
} as const satisfies Record<keyof Prefs, Place>;
