import {
  type ActivationTable,
  type Cell,
  type LayerJson,
  type LikenessJson,
  QUANTITIES,
  type Row,
} from '../../lib/activations';
import { placeOf } from '../../lib/network-place';
import { START_SIGMA } from '../../lib/sampling';
import type { Findings } from './store';
import type { MapQuantity, Scale } from './view';

/** What the numbers of a map say, without a page. */

/** The teacher's level that a student's block is most like. */
export interface Likest {
  level: number;
  cka: number;
  /** Whether the best level stands out: at most half of all levels are within MARGIN of it. */
  clear: boolean;
}

/** Differences of CKA below this are not told apart. */
export const MARGIN = 0.02;
/** Noise levels up to this one are low: there the picture outweighs the noise, or is about as strong. */
const LOW_SIGMA = 5;
/** And those up to half of where the student starts: below its own level, for one that starts low itself. */
const LOW_SHARE = 1 / 2;

export function likest(cka: readonly (number | null)[]): Likest | null {
  let level = -1;
  for (const [i, v] of cka.entries()) if (v !== null && (level < 0 || v > cka[level]!)) level = i;
  if (level < 0) return null;
  const best = cka[level]!;
  const near = cka.filter((v) => v !== null && best - v < MARGIN).length;
  return { level, cka: best, clear: near <= cka.length / 2 };
}

export interface Verdict {
  /** Noise levels up to this one count as low. */
  lowSigma: number;
  /** Blocks by what they are most like: the teacher at high noise, at low noise, or neither clearly. */
  high: string[];
  low: string[];
  unclear: string[];
  blocks: number;
  /** Decoder blocks among `low`. */
  lowInDecoder: number;
  /** Blocks a level is the likest of, clear ones only. */
  counts: number[];
}

/** What the likeness says of `blocks`, in the order of its rows, for a student that starts at `start`. */
export function verdict(
  { cka }: LikenessJson,
  blocks: readonly string[],
  sigmas: readonly number[],
  start: number,
): Verdict {
  const lowSigma = Math.min(LOW_SIGMA, LOW_SHARE * start);
  const out: Verdict = {
    lowSigma,
    high: [],
    low: [],
    unclear: [],
    blocks: blocks.length,
    lowInDecoder: 0,
    counts: sigmas.map(() => 0),
  };
  blocks.forEach((name, b) => {
    const best = likest(cka[b] ?? []);
    if (!best) return;
    if (!best.clear) out.unclear.push(name);
    else if (sigmas[best.level]! <= lowSigma) out.low.push(name);
    else out.high.push(name);
    if (best.clear) out.counts[best.level]! += 1;
  });
  out.lowInDecoder = out.low.filter((name) => placeOf(name).side === 'decoder').length;
  return out;
}

/** Ends of the colour scale of a row's cells; null where nothing is measured. */
export interface Range {
  low: number;
  high: number;
}

/** A row that hardly varies is not blown up to full contrast. */
const LEAST_SPAN = 0.1;

export function colourRange(
  read: (row: number, level: number) => number | null,
  rows: readonly Row[],
  levels: number,
  scale: Scale,
  row: number,
): Range | null {
  // Parts are on scales of their own: blocks with blocks, a kind of part with its like.
  const alike = rows.flatMap((r, i) => {
    if (scale === 'row') return i === row ? [i] : [];
    if (r.part !== rows[row]!.part) return [];
    return scale === 'global' || r.resolution === rows[row]!.resolution ? [i] : [];
  });
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const i of alike)
    for (let level = 0; level < levels; level++) {
      const value = read(i, level);
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  if (low > high) return null;
  if (scale !== 'row') return { low: 0, high };
  return { low: Math.min(low, high - LEAST_SPAN * Math.abs(high)), high };
}

/** 0 to 1 within the range. */
export const within = ({ low, high }: Range, value: number): number =>
  high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0;

/** A number of the map; null where it is not measured or has no meaning. */
export function cellIn(
  table: ActivationTable,
  quantity: MapQuantity,
  row: number,
  level: number,
): Cell | null {
  if (quantity !== 'frequency') return table.cell(quantity, row, level);
  const mean = meanFrequency(table.spectrum(row, level));
  return mean === null ? null : { mean, spread: null, count: table.spectrumSamples(row, level) };
}

/**
 * Mean frequency of a radial spectrum, cycles an image: rings weighted by their power and by how many frequencies
 * they hold. Without the ring of the mean.
 */
export function meanFrequency(spectrum: readonly number[] | null): number | null {
  if (!spectrum || spectrum.length < 3) return null;
  let power = 0;
  let moment = 0;
  for (let ring = 1; ring < spectrum.length; ring++) {
    power += ring * spectrum[ring]!;
    moment += ring * ring * spectrum[ring]!;
  }
  return power > 0 ? moment / power : null;
}

/** Mean of a cell, from the table or, before it is there, from the coarse look. */
export function meanAt(
  { table, coarse }: Findings,
  quantity: MapQuantity,
  row: number,
  level: number,
): number | null {
  return cellIn(table, quantity, row, level)?.mean ?? cellIn(coarse, quantity, row, level)?.mean ?? null;
}

/** Student over teacher at the level nearest to where the student starts; null where one is missing or zero. */
export function ratioAt(findings: Findings, quantity: MapQuantity, row: number): number | null {
  const own = findings.student ? (cellIn(findings.student, quantity, row, 0)?.mean ?? null) : null;
  const other = meanAt(findings, quantity, row, nearestLevel(findings.sigmas, startOf(findings)));
  return own === null || !other ? null : own / other;
}

export interface BlockChange {
  /** Relative L2 of all of the block's weights. */
  change: number;
  /** Share of its parameters that GDD-I freezes. */
  frozen: number;
  parameters: number;
}

/** Weight changes by block and by part ("enc.32x32_block0.conv0"). */
export function changesByRow(layers: readonly LayerJson[]): Map<string, BlockChange> {
  const sums = new Map<string, { moved: number; square: number; frozen: number; parameters: number }>();
  for (const { name, norm, change, frozen, parameters } of layers) {
    const block = /^(?:enc|dec)\.[^.]+/.exec(name)?.[0];
    for (const key of new Set(block ? [name, block] : [name])) {
      const sum = sums.get(key) ?? { moved: 0, square: 0, frozen: 0, parameters: 0 };
      sum.moved += ((change ?? 0) * norm) ** 2;
      sum.square += norm ** 2;
      sum.parameters += parameters;
      if (frozen) sum.frozen += parameters;
      sums.set(key, sum);
    }
  }
  return new Map(
    Array.from(sums, ([key, s]) => [
      key,
      {
        change: s.square > 0 ? Math.sqrt(s.moved / s.square) : 0,
        frozen: s.frozen / s.parameters,
        parameters: s.parameters,
      },
    ]),
  );
}

/** Share of all parameters whose values are exactly the teacher's. */
export function unchangedShare(layers: readonly LayerJson[]): number {
  const total = layers.reduce((n, l) => n + l.parameters, 0);
  return layers.reduce((n, l) => n + (l.change === 0 ? l.parameters : 0), 0) / total;
}

/** The rows that are shown: blocks, and the parts of those that are unfolded. */
export const shownRows = (rows: readonly Row[], open: readonly string[]): number[] =>
  rows.flatMap((row, i) => (row.part === null || open.includes(row.block) ? [i] : []));

/** The index of the level nearest to `sigma` by ratio: the column that it belongs to. */
export function nearestLevel(sigmas: readonly number[], sigma: number): number {
  const far = (level: number) => Math.abs(Math.log(sigmas[level]! / sigma));
  return sigmas.reduce((best, _, level) => (far(level) < far(best) ? level : best), 0);
}

/** Where the student was measured: its start sigma. */
export const startOf = ({ student }: Pick<Findings, 'student'>): number => student?.sigmas[0] ?? START_SIGMA;

/** "80", "5.3", "0.59", "0.002": two digits. */
export function sigmaText(sigma: number): string {
  return sigma >= 10 ? String(Math.round(sigma)) : String(Number(sigma.toPrecision(2)));
}

/** How much of a map is measured: the coarse first look does not count. */
export interface Coverage {
  /** Noise levels with any numbers, of `sigmas`. */
  levels: number;
  sigmas: number;
  /** Images behind every measured level, of `wanted`; 0 where nothing is measured. */
  images: number;
  wanted: number;
  /** Images of the coarse first look. */
  first: number;
  /** All images at all noise levels. */
  whole: boolean;
}

export function coverage({ table, coarse, samples: wanted }: Findings): Coverage {
  const counts = table.sigmas.map((_, level) => imagesAt(table, level));
  const measured = counts.filter((n) => n > 0);
  const images = measured.length > 0 ? Math.min(...measured) : 0;
  const levels = measured.length;
  const sigmas = table.sigmas.length;
  const first = Math.max(0, ...coarse.sigmas.map((_, level) => imagesAt(coarse, level)));
  return { levels, sigmas, images, wanted, first, whole: levels === sigmas && images >= wanted };
}

export const completeLevels = (table: ActivationTable): number =>
  table.sigmas.filter((_, level) => imagesAt(table, level) > 0).length;

/** Images of a level: the most that any row has there, of any quantity. */
const imagesAt = (table: ActivationTable, level: number): number =>
  Math.max(0, ...table.rows.flatMap((_, row) => QUANTITIES.map((q) => table.samples(q, row, level).length)));
