import * as record from '../record';
import {
  type CallList,
  type EpilogueAt,
  type MapAt,
  type PrologueAt,
  SCRATCH_VALUES,
  type VectorAt,
} from './list';

/** Maps in, maps out: element by element, sums over pixels, depthwise convolutions, resampling along both axes. */

/** out = activation((join(sources through the prologue) + bias + vector + residual) * scale). */
export function pointwise(list: CallList, step: Pointwise): void {
  const { sources, prologue, epilogue, out } = step;
  list.call(record.POINTWISE, 0);
  list.rowBlocks(out.images, out.height, list.share(out.height, out.height, 1, 1, out.images));
  list.need(4 * out.channels);
  list.sources(sources);
  list.prologue(prologue);
  list.epilogue(epilogue);
  list.output(out);
}

export interface Pointwise {
  sources: readonly MapAt[];
  prologue?: PrologueAt;
  epilogue?: EpilogueAt;
  out: MapAt;
}

/** A separable filter of inference: down with stride 2, or up over zeros between the pixels, published padding. */
export function resample(list: CallList, step: Resample): void {
  const { source, direction, taps, pad, out } = step;
  const up = direction === 'up';
  const taller = (rows: number) => (up ? (rows >> 1) + taps : 2 * rows + taps);
  const width = up ? (out.width >> 1) + taps : 2 * out.width + taps;
  const fit = Math.max(1, Math.floor(SCRATCH_VALUES / (width * out.channels * (up ? 1 : 2))));
  const rows = list.share(out.height, fit, 1, up ? 2 : 1, out.images);
  list.call(record.RESAMPLE, 0);
  list.rowBlocks(out.images, out.height, rows);
  list.put(record.KERNEL_SIZE, taps);
  // Of the K - 1 zeros around a transposed convolution's input, the published padding crops half.
  list.put(record.PAD, up ? taps - 1 - ((taps - 1) >> 1) : pad);
  list.put(record.MODE, up ? 1 : 0);
  list.put(record.WEIGHTS, step.filter);
  const strip = taller(rows) * width * out.channels;
  list.put(record.SCRATCH1, 4 * strip);
  list.need(4 * (strip + out.channels));
  list.sources([source]);
  list.prologue(step.prologue);
  list.epilogue(step.epilogue);
  list.output(out);
}

export interface Resample {
  source: MapAt;
  direction: 'up' | 'down';
  /** Address of the filter along one axis with its gain, and its length. */
  filter: number;
  taps: number;
  /** Zeros on every side, down. */
  pad: number;
  prologue?: PrologueAt;
  epilogue?: EpilogueAt;
  out: MapAt;
}

/** Channels `from` on of a map (a multiple of 4), as many as `out` has, plus a residual of out's shape, times scale. */
export function slice(list: CallList, step: Slice): void {
  const { source, from, residual = 0, scale = 1, out } = step;
  const pixels = out.images * out.height * out.width;
  list.call(record.SLICE, 0);
  list.rowBlocks(1, pixels, list.share(pixels, pixels, 64, 1, 1));
  list.sources([source]);
  list.put(record.CHANNELS1, from);
  list.put(record.RESIDUAL, residual);
  list.float(record.SCALE, scale);
  list.output(out);
  list.put(record.COUNT, pixels);
}

export interface Slice {
  source: MapAt;
  from: number;
  residual?: number;
  scale?: number;
  out: MapAt;
}

/** Flat: `count` values (a multiple of 4) from address to address. */
export interface Flat {
  count: number;
  source: number;
  out: number;
}

/** out = activation(source) * scale; may be done in place. Channels that only pad keep zeros, but for softplus. */
export function activate(list: CallList, step: Flat & { activation: number; scale?: number }): void {
  list.flat(record.ACTIVATE, step.count);
  list.put(record.SOURCE0, step.source);
  list.put(record.ACTIVATION, step.activation);
  list.float(record.SCALE, step.scale ?? 1);
  list.put(record.OUT, step.out);
}

/**
 * out = activation'(..) dy * scale + residual; may be done in place of dy. The derivative is told by the activation's result
 * (`source`); for SiLU `source` is what was activated.
 */
export function activationGradient(list: CallList, step: ActivationGradient): void {
  list.flat(record.ACTIVATION_GRADIENT, step.count);
  list.put(record.SOURCE0, step.source);
  list.put(record.GRADIENT, step.dy);
  list.put(record.ACTIVATION, step.activation);
  list.put(record.RESIDUAL, step.residual ?? 0);
  list.float(record.SCALE, step.scale ?? 1);
  list.put(record.OUT, step.out);
}

export interface ActivationGradient extends Flat {
  dy: number;
  activation: number;
  residual?: number;
  scale?: number;
}

/**
 * Sums of `rows` rows of each image, [images, rows, channels] to [images, channels] times scale. The gradient of a bias: over
 * the pixels of each image first, then of the sums over the images.
 */
export function sumRows(list: CallList, step: SumRows): void {
  const { source, images, rows, channels, out, scale = 1, accumulate = false } = step;
  list.call(record.SUM_ROWS, images * Math.ceil(channels / SUM_CHANNELS));
  list.put(record.SOURCE0, source);
  list.put(record.CHANNELS0, channels);
  list.put(record.HEIGHT, rows);
  list.float(record.SCALE, scale);
  list.put(record.ACCUMULATE, accumulate ? 1 : 0);
  list.put(record.OUT, out.at);
  list.put(record.VECTOR_GRADIENT_STRIDE, out.stride);
}

export interface SumRows {
  source: number;
  images: number;
  rows: number;
  channels: number;
  out: VectorAt;
  scale?: number;
  accumulate?: boolean;
}

/** Channels of a task of `sumRows`: a cache line. */
const SUM_CHANNELS = 16;

/** A depthwise convolution; the filter is [kernel^2, channels], as published weights [C, 1, k, k] transposed. */
export function depthwise(list: CallList, step: Depthwise & { epilogue?: EpilogueAt }): void {
  const { source, filter, kernel, stride, pad, out } = step;
  depthwiseCall(list, record.DEPTHWISE, step, (rows) => (rows - 1) * stride + kernel, kernel);
  list.put(record.PAD, pad);
  list.put(record.WEIGHTS, filter);
  list.sources([source]);
  list.epilogue(step.epilogue);
  list.output(out);
}

export interface Depthwise {
  source: MapAt;
  filter: number;
  kernel: number;
  stride: 1 | 2;
  pad: number;
  out: MapAt;
}

/** The gradient of a depthwise convolution's input: `source` is dy, `out` has the input's shape; same filter. */
export function depthwiseGradient(list: CallList, step: Depthwise & { residual?: number }): void {
  const { source, filter, kernel, stride, pad, out, residual = 0 } = step;
  // Rows of dy that a block of the input's rows meets, at most.
  depthwiseCall(
    list,
    record.DEPTHWISE_GRADIENT,
    step,
    (rows) => Math.ceil((rows + kernel) / stride) + 1,
    kernel,
  );
  list.put(record.PAD, pad);
  list.put(record.WEIGHTS, filter);
  list.sources([source]);
  list.epilogue({ residual });
  list.output(out);
}

function depthwiseCall(
  list: CallList,
  kernel: number,
  { source, stride, kernel: size, out }: Depthwise,
  taller: (rows: number) => number,
  border: number,
): void {
  const width = source.width + 2 * border + stride;
  let fit = out.height;
  while (fit > 1 && taller(fit) * width * out.channels > SCRATCH_VALUES) fit = Math.ceil(fit / 2);
  const rows = list.share(out.height, fit, 4, stride, out.images);
  list.call(kernel, 0);
  list.rowBlocks(out.images, out.height, rows);
  const strip = taller(rows) * width * out.channels;
  list.put(record.SCRATCH1, 4 * strip);
  list.need(4 * (strip + out.channels));
  list.put(record.KERNEL_SIZE, size);
  list.put(record.STRIDE, stride);
}

/** Rows of a banded matrix, as `banded` reads them. */
export interface BandTable {
  /** Taps of each row. */
  taps: number;
  /** Of each row: its first column (int32), then its taps (float32). */
  words: Int32Array;
}

/** The row-major matrix [rows, size] of one axis as a table of its rows' taps. */
export function bandTable(rows: number, values: ArrayLike<number>): BandTable {
  const size = values.length / rows;
  const spans = Array.from({ length: rows }, (_, r) => {
    let [first, last] = [size, -1];
    for (let c = 0; c < size; c++) if (values[r * size + c] !== 0) [first, last] = [Math.min(first, c), c];
    return last < 0 ? { first: 0, count: 0 } : { first, count: last + 1 - first };
  });
  const taps = spans.reduce((most, { count }) => Math.max(most, count), 1);
  const words = new Int32Array(rows * (taps + 1));
  const floats = new Float32Array(words.buffer);
  for (const [r, { first }] of spans.entries()) {
    const start = Math.min(first, size - taps); // all taps lie within the axis
    words[r * (taps + 1)] = start;
    for (let t = 0; t < taps; t++) floats[r * (taps + 1) + 1 + t] = values[r * size + start + t]!;
  }
  return { taps, words };
}

/** The transpose [size, rows] of a matrix [rows, size]: what its gradient is multiplied with. */
export function transposed(rows: number, values: ArrayLike<number>): Float32Array {
  const size = values.length / rows;
  return Float32Array.from(
    { length: values.length },
    (_, i) => values[(i % rows) * size + Math.floor(i / rows)]!,
  );
}

/**
 * out = V source H' for banded matrices of both axes: bilinear interpolation with either convention, average pools,
 * up- and downsampling filters, and the transposes of all of them, which are their gradients.
 */
export function banded(list: CallList, step: Banded): void {
  const { source, rows, columns, epilogue, out } = step;
  list.call(record.BANDED, 0);
  list.rowBlocks(out.images, out.height, list.share(out.height, out.height, 1, 1, out.images));
  list.need(4 * out.channels);
  list.sources([source]);
  list.put(record.ROW_TABLE, rows.at);
  list.put(record.ROW_TAPS, rows.taps);
  list.put(record.COLUMN_TABLE, columns.at);
  list.put(record.COLUMN_TAPS, columns.taps);
  list.put(record.RESIDUAL, epilogue?.residual ?? 0);
  list.float(record.SCALE, epilogue?.scale ?? 1);
  list.output(out);
}

export interface Banded {
  source: MapAt;
  /** Where the tables of `bandTable` were copied to, and their taps: out.height rows and out.width rows. */
  rows: { at: number; taps: number };
  columns: { at: number; taps: number };
  epilogue?: { residual?: number; scale?: number };
  out: MapAt;
}
