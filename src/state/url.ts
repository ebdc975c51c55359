import { formatMix, readMix } from '../lib/class-mix';
import { MAX_STEPS, MIN_STEPS, SAMPLER_NAMES, SIGMA, TEMPERATURE } from '../lib/sampling';
import { sentence, whole } from '../lib/words';
import { MAX_SEED } from '../rng/seeds';
import { COMPARISON_PARAMS, readComparison } from './compare/view';
import { formatOwn, formatPins, readOwn, readPins } from './generate/points';
import { MAX_COUNT, TABS, tidySeed, VIEW_PLACES, type ViewState } from './generate/view';
import { LAYERS_PLACES, unreadLayers } from './layers/view';
import { PATH_PARAMS, readPath } from './path/view';

/** The value of `mode` that shows rows in place of one model. */
const COMPARE = 'compare';

/**
 * A view as the fragment of an address: `#/generate?model=…&seed=7&class=7`. Model and seed are always there,
 * so that a link says what it shows; the rest only where it differs from the default. Names of blocks and rows are
 * read by people: what a fragment may hold as it is stays unescaped.
 */
export function formatHash(view: ViewState, defaults: ViewState): string {
  const params = new URLSearchParams();
  const put = (key: keyof ViewState, always = false) => {
    const value = view[key];
    if (value !== null && (always || value !== defaults[key]))
      params.set(VIEW_PLACES[key].param, String(value));
  };
  const write = (key: keyof ViewState, text: string) => text && params.set(VIEW_PLACES[key].param, text);
  put('model', true);
  put('seed', true);
  put('classIndex');
  write('mix', formatMix(view.mix));
  for (const key of ['count', 'sampler', 'steps', 'sigma', 'temperature', 'selected'] as const) put(key);
  write('own', formatOwn(view.own));
  write('pins', formatPins(view.pins));
  for (const [name, value] of new URLSearchParams(view.path)) params.set(name, value);
  if (view.tab === 'generate' && view.compare) {
    params.set(VIEW_PLACES.compare.param, COMPARE);
    for (const [name, value] of new URLSearchParams(view.comparison)) params.append(name, value);
  }
  if (view.tab === 'layers')
    for (const [name, value] of new URLSearchParams(view.layers)) params.set(name, value);
  const query = params.toString().replace(/%2C|%3A|%3B|%40|%3D/g, decodeURIComponent);
  return `#/${view.tab}${query ? `?${query}` : ''}`;
}

/** A view read from an address, and a sentence on each part of the address that could not be followed. */
export interface ReadView {
  view: ViewState;
  problems: string[];
}

/** The view of a fragment. Whatever is missing, unknown or out of range becomes the default. */
export const parseHash = (hash: string, defaults: ViewState): ViewState => readHash(hash, defaults).view;

/** The view of a fragment, and what of it was missing its mark. */
export function readHash(hash: string, defaults: ViewState): ReadView {
  const [, path = '', query = ''] = /^#?\/?([^?]*)\??(.*)$/s.exec(hash) ?? [];
  const params = new URLSearchParams(query);
  const problems: string[] = [];
  const named = (key: keyof ViewState) => params.get(VIEW_PLACES[key].param)?.trim() || null;
  const read = (key: keyof ViewState, range: Range): number | null => {
    const text = named(key);
    if (text === null) return null;
    const value = Number(text);
    if (value >= range.low && value <= range.high && (!range.whole || Number.isInteger(value))) return value;
    problems.push(
      `The link has the ${range.name} “${shorten(text)}”, but it must be ${said(range)}: the default is shown.`,
    );
    return null;
  };
  const page = path.replace(/\/+$/, '');
  const tab = TABS.find((t) => t === page);
  if (page && !tab)
    problems.push(
      `The address names the page “${shorten(readable(page))}”, which does not exist: ${sentence(defaults.tab)} is shown.`,
    );
  const layers = tab === 'layers' ? [...params].filter(([name]) => LAYERS_PARAMS.has(name)) : [];
  for (const [name, value] of unreadLayers(new URLSearchParams(layers).toString()))
    problems.push(
      `The link has “${shorten(value)}” for ${name} in Layers, which cannot be followed as it is: the nearest or the default is shown.`,
    );
  const pathParams = [...params].filter(([name]) => PATH_PARAMS.has(name));
  const pathQuery = new URLSearchParams(pathParams).toString();
  problems.push(...readPath(pathQuery).problems);
  const compare = (tab ?? defaults.tab) === 'generate' && named('compare') === COMPARE;
  const rows = compare ? [...params].filter(([name]) => COMPARISON_PARAMS.has(name)) : [];
  const comparison = new URLSearchParams(rows).toString();
  problems.push(...readComparison(comparison).problems);
  const count = read('count', RANGES.count) ?? defaults.count;
  const sampler = SAMPLER_NAMES.find((s) => s === named('sampler'));
  if (named('sampler') !== null && !sampler)
    problems.push(
      `The link has the sampler “${shorten(named('sampler')!)}”, but it must be one of ${SAMPLER_NAMES.join(', ')}: the default is shown.`,
    );
  const mix = readMix(named('mix') ?? '');
  if (named('mix') !== null && !mix)
    problems.push(
      `The link has the mix “${shorten(named('mix')!)}”, but it must be classes with weights of 1 at most together, such as 4:0.35,7:0.2: nothing is mixed.`,
    );
  const { own, unread: strangePlaces } = readOwn(named('own') ?? '', count);
  const { pins, unread: strangePins } = readPins(named('pins') ?? '');
  for (const [what, text] of [
    ...strangePlaces.map((text) => ['an image of its own', text] as const),
    ...strangePins.map((text) => ['a pin', text] as const),
  ])
    problems.push(`The link has ${what}, “${shorten(text)}”, that cannot be read: it is left out.`);
  const selected = read('selected', RANGES.selected) ?? defaults.selected;
  if (selected >= count)
    problems.push(`The link selects image ${selected + 1} of ${count}: the last one is selected.`);
  return {
    view: {
      tab: tab ?? defaults.tab,
      model: named('model') ?? defaults.model,
      seed: tidySeed(read('seed', RANGES.seed) ?? defaults.seed),
      // The upper end depends on the network: the controller checks it when that is known.
      classIndex: read('classIndex', RANGES.classIndex) ?? defaults.classIndex,
      mix: mix ?? defaults.mix,
      temperature: read('temperature', RANGES.temperature) ?? defaults.temperature,
      count,
      sampler: sampler ?? defaults.sampler,
      steps: read('steps', RANGES.steps) ?? defaults.steps,
      sigma: read('sigma', RANGES.sigma) ?? defaults.sigma,
      selected: Math.min(selected, count - 1),
      own,
      pins,
      path: pathQuery || defaults.path,
      compare: compare || defaults.compare,
      comparison: comparison || defaults.comparison,
      layers: new URLSearchParams(layers).toString() || defaults.layers,
    },
    problems,
  };
}

interface Range {
  name: string;
  low: number;
  high: number;
  whole: boolean;
}

/** What a link may say of each number. */
const RANGES = {
  seed: { name: 'seed', low: 0, high: MAX_SEED, whole: false },
  classIndex: { name: 'class', low: 0, high: 1_000_000, whole: true },
  count: { name: 'number of images', low: 1, high: MAX_COUNT, whole: true },
  steps: { name: 'number of steps', low: MIN_STEPS, high: MAX_STEPS, whole: true },
  sigma: { name: 'start sigma', low: SIGMA.min, high: SIGMA.max, whole: false },
  temperature: { name: 'temperature', low: TEMPERATURE.min, high: TEMPERATURE.max, whole: false },
  selected: { name: 'selected image', low: 0, high: MAX_COUNT - 1, whole: true },
} as const satisfies Partial<Record<keyof ViewState, Range>>;

const said = ({ low, high, whole: isWhole }: Range) =>
  `a ${isWhole ? 'whole ' : ''}number from ${low} to ${whole(high)}`;

const shorten = (text: string) => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

function readable(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

const LAYERS_PARAMS: ReadonlySet<string> = new Set(Object.values(LAYERS_PLACES).map((place) => place.param));
