import { QUANTITIES, type Quantity } from '../../lib/activations';
import { LEVELS, SIGMAS, SPACINGS, type Spacing } from '../../lib/noise-levels';
import type { LayersInput } from '../../protocol/layers';
import type { Place } from '../place';

/** What the map can show: what is measured, and the frequency at which a block adds most, from its spectra. */
export type MapQuantity = Quantity | 'frequency';
export const MAP_QUANTITIES: readonly MapQuantity[] = [...QUANTITIES, 'frequency'];
/** Values that share one colour scale: those of a row, of all blocks of a resolution, or all. */
export type Scale = 'row' | 'level' | 'global';
export const SCALES: readonly Scale[] = ['row', 'level', 'global'];
export const INPUTS: readonly LayersInput[] = ['noised', 'trajectory', 'noise'];
/** What the feature maps stand beside: nothing, the same at another sigma, the other network. */
export type Versus = 'none' | 'sigma' | 'student';
const VERSUS: readonly Versus[] = ['none', 'sigma', 'student'];

/** What a person looks at in the Layers tab. A link carries what differs from the default. */
export interface LayersView {
  /** Key of the network beside the one in view; null = the one that belongs to it; 'none' = none. */
  partner: string | null;
  quantity: MapQuantity;
  /** null = noised real images where the page has them, else the trajectory. */
  input: LayersInput | null;
  scale: Scale;
  spacing: Spacing;
  /** Columns. */
  levels: number;
  /** Seeds that are averaged. */
  samples: number;
  /** Block or part that is looked at closely. */
  row: string | null;
  /** Noise level of that look. */
  at: number;
  /** Blocks that are unfolded. */
  open: readonly string[];
  /** Factors on what blocks add. */
  gains: Readonly<Record<string, number>>;
  /** Each channel in its own range. */
  normalise: boolean;
  /** Brightness of the feature maps, dB. */
  decibel: number;
  channel: number;
  versus: Versus;
  /** The other sigma of `versus`. */
  versusAt: number;
  /** The frequency plot shows the denoised image, or what the chosen block adds. */
  frequencies: 'image' | 'block';
  /** Step of the guide; 0 = closed. */
  guide: number;
}

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

export const SAMPLES = { min: 1, max: 64, initial: 8 } as const;
export const GAIN = { min: 0, max: 2 } as const;
export const DECIBEL = { min: -40, max: 40 } as const;
export const GUIDE_STEPS = 7;
/** Steps of the guide that show the teacher's own image, which takes many evaluations. */
export const SAMPLED_IN_GUIDE: readonly number[] = [2, 3];

export const DEFAULT_LAYERS: LayersView = {
  partner: null,
  quantity: 'rms',
  input: null,
  scale: 'row',
  spacing: 'heun',
  levels: LEVELS.initial,
  samples: SAMPLES.initial,
  row: null,
  at: 1.92,
  open: [],
  gains: {},
  normalise: true,
  decibel: 0,
  channel: 0,
  versus: 'none',
  versusAt: 80,
  frequencies: 'image',
  guide: 1,
};

/** A value as a link writes it. */
function written(key: keyof LayersView, view: LayersView): string {
  if (key === 'open') return view.open.join(',');
  if (key === 'gains')
    return Object.entries(view.gains)
      .map(([block, gain]) => `${block}:${gain}`)
      .join(',');
  return String(view[key]);
}

/** What differs from the default, as the query of a link. */
export function formatLayers(view: LayersView): string {
  const params = new URLSearchParams();
  for (const key of Object.keys(LAYERS_PLACES) as (keyof LayersView)[]) {
    const text = written(key, view);
    if (view[key] !== null && text !== written(key, DEFAULT_LAYERS))
      params.set(LAYERS_PLACES[key].param, text);
  }
  return params.toString();
}

/** The parameters of a query, as [name, value], that `parseLayers` does not read as they are written. */
export function unreadLayers(query: string): [string, string][] {
  const view = parseLayers(query);
  const same = (a: string, b: string) => a === b || (a !== '' && b !== '' && Number(a) === Number(b));
  const keys = Object.keys(LAYERS_PLACES) as (keyof LayersView)[];
  return [...new URLSearchParams(query)].filter(([name, value]) => {
    const key = keys.find((k) => LAYERS_PLACES[k].param === name);
    return key !== undefined && value.trim() !== '' && !same(written(key, view), value.trim());
  });
}

/** Whatever is missing, unknown or out of range becomes the default. */
export function parseLayers(query: string): LayersView {
  const params = new URLSearchParams(query);
  const text = (key: keyof LayersView) => params.get(LAYERS_PLACES[key].param);
  const oneOf = <T extends string>(key: keyof LayersView, values: readonly T[], otherwise: T): T =>
    values.find((v) => v === text(key)) ?? otherwise;
  const number = (key: keyof LayersView, low: number, high: number, otherwise: number): number => {
    const value = text(key)?.trim() ? Number(text(key)) : Number.NaN;
    return value >= low && value <= high ? value : otherwise;
  };
  const whole = (...args: Parameters<typeof number>) => Math.round(number(...args));
  const names = (key: keyof LayersView) => (text(key) ?? '').split(',').filter((v) => BLOCK.test(v));
  const gains: Record<string, number> = {};
  for (const pair of (text('gains') ?? '').split(',')) {
    const [block = '', value = ''] = pair.split(':');
    const gain = Number(value);
    if (BLOCK.test(block) && value !== '' && gain >= GAIN.min && gain <= GAIN.max) gains[block] = gain;
  }
  const d = DEFAULT_LAYERS;
  const row = text('row');
  return {
    partner: text('partner')?.trim() || d.partner,
    quantity: oneOf('quantity', MAP_QUANTITIES, d.quantity),
    input: INPUTS.find((i) => i === text('input')) ?? d.input,
    scale: oneOf('scale', SCALES, d.scale),
    spacing: oneOf('spacing', SPACINGS, d.spacing),
    levels: whole('levels', LEVELS.min, LEVELS.max, d.levels),
    samples: whole('samples', SAMPLES.min, SAMPLES.max, d.samples),
    row: row && ROW.test(row) ? row : d.row,
    at: number('at', SIGMAS.min, SIGMAS.max, d.at),
    open: names('open'),
    gains,
    normalise: text('normalise') !== 'false',
    decibel: number('decibel', DECIBEL.min, DECIBEL.max, d.decibel),
    channel: whole('channel', 0, 1e5, d.channel),
    versus: oneOf('versus', VERSUS, d.versus),
    versusAt: number('versusAt', SIGMAS.min, SIGMAS.max, d.versusAt),
    frequencies: oneOf('frequencies', ['image', 'block'] as const, d.frequencies),
    guide: whole('guide', 0, GUIDE_STEPS, d.guide),
  };
}

const BLOCK = /^(enc|dec)\.\w{1,40}$/;
const ROW = /^(enc|dec)\.\w{1,40}(\.\w{1,10})?$/;
