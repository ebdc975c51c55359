import type { LayersInput } from '../engine/layers-protocol';
import { QUANTITIES, type Quantity } from '../lib/activations';
import { LEVELS, SIGMAS, SPACINGS, type Spacing } from '../lib/noise-levels';

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
  quantity: Quantity;
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
  /** Of the frequency plot: the denoised image, or what the chosen block adds. */
  frequencies: 'image' | 'block';
  /** Step of the guide; 0 = closed. */
  guide: number;
}

export const SAMPLES = { min: 1, max: 64, initial: 8 } as const;
export const GAIN = { min: 0, max: 2 } as const;
export const DECIBEL = { min: -40, max: 40 } as const;
export const GUIDE_STEPS = 7;

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

/** The parameters of a link, in the order in which it names them. */
const PARAMS: { [K in keyof LayersView]: { name: string; write: (value: LayersView[K]) => string } } = {
  partner: { name: 'with', write: String },
  quantity: { name: 'quantity', write: String },
  input: { name: 'input', write: String },
  scale: { name: 'scale', write: String },
  spacing: { name: 'spacing', write: String },
  levels: { name: 'levels', write: String },
  samples: { name: 'samples', write: String },
  row: { name: 'layer', write: String },
  at: { name: 'at', write: String },
  open: { name: 'open', write: (names) => names.join(',') },
  gains: {
    name: 'gain',
    write: (gains) =>
      Object.entries(gains)
        .map(([block, gain]) => `${block}:${gain}`)
        .join(','),
  },
  normalise: { name: 'normalise', write: String },
  decibel: { name: 'db', write: String },
  channel: { name: 'channel', write: String },
  versus: { name: 'versus', write: String },
  versusAt: { name: 'other', write: String },
  frequencies: { name: 'frequencies', write: String },
  guide: { name: 'guide', write: String },
};

/** What differs from the default, as the query of a link. */
export function formatLayers(view: LayersView): string {
  const params = new URLSearchParams();
  for (const key of Object.keys(PARAMS) as (keyof LayersView)[]) {
    const { name, write } = PARAMS[key] as { name: string; write: (value: unknown) => string };
    const text = write(view[key]);
    if (view[key] !== null && text !== write(DEFAULT_LAYERS[key])) params.set(name, text);
  }
  return params.toString();
}

/** Whatever is missing, unknown or out of range becomes the default. */
export function parseLayers(query: string): LayersView {
  const params = new URLSearchParams(query);
  const text = (key: keyof LayersView) => params.get(PARAMS[key].name);
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
    quantity: oneOf('quantity', QUANTITIES, d.quantity),
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
