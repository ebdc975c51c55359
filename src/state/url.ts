import { MAX_SEED } from '../rng/seeds';
import { LAYERS_PLACES, VIEW_PLACES } from './persistence';
import { MAX_COUNT, MAX_STEPS, SAMPLERS, SIGMA, TABS, tidySeed, type ViewState } from './view';

/**
 * A view as the fragment of an address: `#/generate?model=…&seed=7&class=7`. Model and seed are always there,
 * so that a link says what it shows; the rest only where it differs from the default.
 */
export function formatHash(view: ViewState, defaults: ViewState): string {
  const params = new URLSearchParams();
  const put = (key: keyof ViewState, always = false) => {
    const value = view[key];
    if (value !== null && (always || value !== defaults[key]))
      params.set(VIEW_PLACES[key].param, String(value));
  };
  put('model', true);
  put('seed', true);
  for (const key of ['classIndex', 'count', 'sampler', 'steps', 'sigma', 'selected'] as const) put(key);
  if (view.tab === 'layers')
    for (const [name, value] of new URLSearchParams(view.layers)) params.set(name, value);
  // Names of blocks are read by people: commas and colons need no escaping in a fragment.
  const query = params.toString().replace(/%2C/g, ',').replace(/%3A/g, ':');
  return `#/${view.tab}${query ? `?${query}` : ''}`;
}

/** The view of a fragment. Whatever is missing, unknown or out of range becomes the default. */
export function parseHash(hash: string, defaults: ViewState): ViewState {
  const [, path = '', query = ''] = /^#?\/?([^?]*)\??(.*)$/s.exec(hash) ?? [];
  const params = new URLSearchParams(query);
  const number = (key: keyof ViewState, low: number, high: number): number | null => {
    const text = params.get(VIEW_PLACES[key].param)?.trim();
    const value = text ? Number(text) : Number.NaN;
    return value >= low && value <= high ? value : null;
  };
  const whole = (key: keyof ViewState, low: number, high: number): number | null => {
    const value = number(key, low, high);
    return value !== null && Number.isInteger(value) ? value : null;
  };
  const tab = TABS.find((t) => t === path.replace(/\/+$/, '')) ?? defaults.tab;
  const layers = tab === 'layers' ? [...params].filter(([name]) => LAYERS_PARAMS.has(name)) : [];
  const count = whole('count', 1, MAX_COUNT) ?? defaults.count;
  return {
    tab,
    model: params.get(VIEW_PLACES.model.param)?.trim() || defaults.model,
    seed: tidySeed(number('seed', 0, MAX_SEED) ?? defaults.seed),
    // The upper end depends on the network: the controller checks it when that is known.
    classIndex: whole('classIndex', 0, 1_000_000) ?? defaults.classIndex,
    count,
    sampler: SAMPLERS.find((s) => s === params.get(VIEW_PLACES.sampler.param)) ?? defaults.sampler,
    steps: whole('steps', 2, MAX_STEPS) ?? defaults.steps,
    sigma: number('sigma', SIGMA.min, SIGMA.max) ?? defaults.sigma,
    selected: Math.min(whole('selected', 0, MAX_COUNT - 1) ?? defaults.selected, count - 1),
    layers: new URLSearchParams(layers).toString() || defaults.layers,
  };
}

const LAYERS_PARAMS: ReadonlySet<string> = new Set(Object.values(LAYERS_PLACES).map((place) => place.param));
