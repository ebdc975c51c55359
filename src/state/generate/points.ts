import { type ClassMix, formatMix, readMix } from '../../lib/class-mix';
import type { Stroke } from '../../lib/noise-source';
import {
  MAX_STEPS,
  MIN_STEPS,
  SAMPLER_NAMES,
  type SamplerName,
  SIGMA,
  TEMPERATURE,
} from '../../lib/sampling';
import { MAX_SEED } from '../../rng/seeds';

/**
 * What single images have of their own, as the view holds it and a link writes it: `23@class=1,mix=2:0.35,sigma=40`.
 * The head is a seed or a place in the grid; what follows the @ is left out where it is as usual.
 */

/** Noise that is not a seed's alone. */
export interface OwnNoise {
  /** A latent that a person brought (state/generate/latents.ts), by its key; null = the noise of the seed. */
  latent: string | null;
  /** What was painted over it. */
  strokes: readonly Stroke[];
}

/** Settings of one image; null = as usual. */
export interface PointSettings {
  classIndex: number | null;
  mix: ClassMix;
  sigma: number | null;
  temperature: number;
  sampler: SamplerName | null;
  steps: number | null;
  noise: OwnNoise | null;
}

/** An image that a person has pinned: a point in what the network takes, which whatever model is in use draws. */
export interface Pin extends PointSettings {
  seed: number;
}

/** What the image at a place of the grid keeps, whatever the controls say for the others. */
export interface OwnPlace {
  place: number;
  /** null = as the others. */
  classIndex: number | null;
  noise: OwnNoise | null;
}

/** What one place has of its own, changed; a place that has nothing of its own left is as the others again. */
export function withOwn(
  all: readonly OwnPlace[],
  place: number,
  change: Partial<Omit<OwnPlace, 'place'>>,
): readonly OwnPlace[] {
  const own = { place, classIndex: null, noise: null, ...all.find((o) => o.place === place), ...change };
  const noise = own.noise && (own.noise.latent !== null || own.noise.strokes.length > 0) ? own.noise : null;
  const others = all.filter((o) => o.place !== place);
  return own.classIndex === null && noise === null
    ? others
    : [...others, { ...own, noise }].sort((a, b) => a.place - b.place);
}

export const MAX_PINS = 24;
export const AS_USUAL: PointSettings = {
  classIndex: null,
  mix: [],
  sigma: null,
  temperature: 1,
  sampler: null,
  steps: null,
  noise: null,
};

/** The text of a pin, which also tells pins apart. */
export const formatPin = ({ seed, ...settings }: Pin): string => formatPoint(seed, settings);

export const formatPins = (pins: readonly Pin[]): string => pins.map(formatPin).join(';');

export const formatOwn = (own: readonly OwnPlace[]): string =>
  own.map(({ place, ...settings }) => formatPoint(place, { ...AS_USUAL, ...settings })).join(';');

/** The pins of a link, and what of them could not be read. */
export function readPins(text: string): { pins: Pin[]; unread: string[] } {
  const { points, unread } = readPoints(text, (head) => head <= MAX_SEED);
  const seen = new Set<string>();
  const pins = points
    .map(({ head, settings }) => ({ seed: head, ...settings }))
    .filter((pin) => !seen.has(formatPin(pin)) && seen.add(formatPin(pin)))
    .slice(0, MAX_PINS);
  return { pins, unread };
}

/** What places of a grid of `count` images have of their own, of a link, and what of it could not be read. */
export function readOwn(text: string, count: number): { own: OwnPlace[]; unread: string[] } {
  const { points, unread } = readPoints(text, (head) => Number.isInteger(head) && head < count);
  const byPlace = new Map(
    points.map(({ head, settings: { classIndex, noise } }) => [head, { place: head, classIndex, noise }]),
  );
  return { own: [...byPlace.values()], unread };
}

function formatPoint(head: number, settings: PointSettings): string {
  const { classIndex, mix, sigma, temperature, sampler, steps, noise } = settings;
  const parts = [
    classIndex !== null && `class=${classIndex}`,
    mix.length > 0 && `mix=${formatMix(mix, '_')}`,
    sampler !== null && `steps=${sampler}${steps === null ? '' : `:${steps}`}`,
    sigma !== null && `sigma=${sigma}`,
    temperature !== 1 && `temperature=${temperature}`,
    noise?.latent && `latent=${noise.latent}`,
    noise && noise.strokes.length > 0 && `paint=${noise.strokes.map(formatStroke).join('_')}`,
  ].filter(Boolean);
  return parts.length > 0 ? `${head}@${parts.join()}` : String(head);
}

function readPoints(text: string, headFits: (head: number) => boolean) {
  const points: { head: number; settings: PointSettings }[] = [];
  const unread: string[] = [];
  for (const part of text.split(';')) {
    if (part.trim() === '') continue;
    const [, head, rest = ''] = /^\s*(\d+(?:\.\d+)?)(?:@(.*))?$/.exec(part) ?? [];
    const settings = head === undefined || !headFits(Number(head)) ? null : readSettings(rest);
    if (settings) points.push({ head: Number(head), settings });
    else unread.push(part);
  }
  return { points, unread };
}

/** null where any part is not understood: half a point would be another image. */
function readSettings(text: string): PointSettings | null {
  const read: PointSettings = { ...AS_USUAL };
  for (const part of text === '' ? [] : text.split(',')) {
    const [, name = '', value = ''] = /^(\w+)=(.+)$/.exec(part.trim()) ?? [];
    const change = READERS[name]?.(value, read.noise);
    if (!change) return null;
    Object.assign(read, change);
  }
  return read;
}

const NO_NOISE: OwnNoise = { latent: null, strokes: [] };

const READERS: Record<string, (value: string, noise: OwnNoise | null) => Partial<PointSettings> | null> = {
  class: (value) => (/^\d{1,6}$/.test(value) ? { classIndex: Number(value) } : null),
  mix(value) {
    const mix = readMix(value, '_');
    return mix && { mix };
  },
  sigma: (value) => within(value, SIGMA, (sigma) => ({ sigma })),
  temperature: (value) => within(value, TEMPERATURE, (temperature) => ({ temperature })),
  steps(value) {
    const [name, steps] = value.split(':');
    const sampler = SAMPLER_NAMES.find((s) => s === name);
    if (!sampler) return null;
    if (steps === undefined) return { sampler };
    const count = Number(steps);
    return Number.isInteger(count) && count >= MIN_STEPS && count <= MAX_STEPS
      ? { sampler, steps: count }
      : null;
  },
  latent: (value, noise) =>
    /^[\w.-]{1,80}$/.test(value) ? { noise: { ...(noise ?? NO_NOISE), latent: value } } : null,
  paint(value, noise) {
    const strokes = value.split('_').map(readStroke);
    return strokes.every((stroke) => stroke !== null) ? { noise: { ...(noise ?? NO_NOISE), strokes } } : null;
  },
};

function within(
  text: string,
  { min, max }: { min: number; max: number },
  take: (value: number) => Partial<PointSettings>,
): Partial<PointSettings> | null {
  const value = Number(text);
  return value >= min && value <= max ? take(value) : null;
}

/** Whole numbers: seed, radius, strength in hundredths, then the points. */
const formatStroke = ({ seed, radius, strength, points }: Stroke): string =>
  [seed, radius, Math.round(strength * 100), ...points].join('.');

function readStroke(text: string): Stroke | null {
  const [seed, radius, strength, ...points] = text
    .split('.')
    .map((n) => (/^\d{1,10}$/.test(n) ? Number(n) : -1));
  const fits =
    seed !== undefined &&
    radius !== undefined &&
    strength !== undefined &&
    Math.min(seed, strength, ...points) >= 0 &&
    seed <= MAX_SEED &&
    radius >= 1 &&
    radius <= 512 &&
    strength <= 100 &&
    points.length >= 2 &&
    points.length % 2 === 0 &&
    Math.max(...points) < 4096;
  return fits ? { seed, radius, strength: strength / 100, points } : null;
}
