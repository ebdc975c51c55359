import * as record from '../record';
import type { CallList, MapAt } from './list';
import { sumPartials } from './products';

/** What the heads of a discriminator need beside convolutions: the minibatch's deviation and spectral norm. */

/** Pixels of a task; they decide in which order deviations are added. */
const PIXELS = 16;

/** Float64 values of `partials`. */
export const deviationPartials = ({ height, width }: MapAt): number => Math.ceil((height * width) / PIXELS);

export interface Deviation {
  source: MapAt;
  /** Channels that do not only pad. */
  channels: number;
}

/**
 * The mean over pixels and channels of sqrt(variance over the batch + 1e-6) (Karras et al. 2018): one number at `out`, stored as
 * four values. `partials`: address of `deviationPartials` float64 values that the calls use, a multiple of 8. Two calls.
 */
export function deviation(list: CallList, step: Deviation & { partials: number; out: number }): void {
  const { source, channels, partials, out } = step;
  begin(list, record.DEVIATION_SUMS, step);
  list.put(record.PARTIALS, partials);
  const scale = 1 / (source.height * source.width * channels);
  sumPartials(list, { partials, count: deviationPartials(source), scale, out });
}

/**
 * The gradient of `deviation`'s source from that of its number (its address), plus a residual of at least as many channels;
 * `out` has the source's shape.
 */
export function deviationGradient(
  list: CallList,
  step: Deviation & { gradient: number; residual?: MapAt; out: number },
): void {
  begin(list, record.DEVIATION_GRADIENT, step);
  list.put(record.GRADIENT, step.gradient);
  list.put(record.RESIDUAL, step.residual?.at ?? 0);
  list.put(record.OUT_CHANNELS, step.residual?.channels ?? 0);
  list.put(record.OUT, step.out);
}

function begin(list: CallList, kernel: number, { source, channels }: Deviation): void {
  list.call(kernel, deviationPartials(source));
  list.sources([source]);
  list.put(record.IMAGES, source.images);
  list.put(record.COUNT, channels);
  list.put(record.CHUNK, PIXELS);
}

/**
 * One layer under spectral norm (Miyato et al. 2018, as torch.nn.utils.spectral_norm): its weight in panels is the matrix
 * M [rows, columns]; all fields are addresses. Layers of one call are independent, and are shared out among threads.
 */
export interface SpectralLayer {
  /** M in panels, and how large it is. */
  weight: number;
  rows: number;
  columns: number;
  /** u [columns] and v [rows] of the last power iteration, float32; rows and columns that only pad are zero. */
  u: number;
  v: number;
  /** sigma = v' M u, one float32. */
  sigma: number;
  /** M / sigma, in panels. */
  normalised: number;
  /** Gradient of M / sigma, in panels; for `spectralGradient`. */
  gradient: number;
  /** Gradient of M, in panels. */
  out: number;
}

/** Words of `spectralTable` for one layer. */
const LAYER_WORDS = 10;

/** The table that the three calls below read, to be copied to an address that is a multiple of 4. */
export function spectralTable(layers: readonly SpectralLayer[]): Uint32Array {
  return Uint32Array.from(
    layers.flatMap((l) => [
      l.weight,
      l.rows,
      l.columns,
      l.u,
      l.v,
      l.sigma,
      l.normalised,
      l.gradient,
      l.out,
      0,
    ]),
  );
}

interface Spectral {
  /** Address of the table, and how many layers it has. */
  table: number;
  layers: number;
}

/** One power iteration: v = unit(M u), u = unit(M' v), and sigma. */
export function powerIteration(list: CallList, spectral: Spectral): void {
  spectralCall(list, record.POWER_ITERATION, spectral);
}

/** M / sigma with u and v as they are: sigma is computed from them. */
export function normaliseWeights(list: CallList, spectral: Spectral): void {
  spectralCall(list, record.NORMALISE_WEIGHT, spectral);
}

/** dM = (dW - <dW, M / sigma> v u') / sigma, with u and v constant. */
export function spectralGradient(list: CallList, spectral: Spectral & { accumulate?: boolean }): void {
  spectralCall(list, record.SPECTRAL_GRADIENT, spectral);
  list.put(record.ACCUMULATE, spectral.accumulate ? 1 : 0);
}

function spectralCall(list: CallList, kernel: number, { table, layers }: Spectral): void {
  list.call(kernel, layers);
  list.put(record.SOURCE0, table);
  list.put(record.STRIDE, 4 * LAYER_WORDS);
}
