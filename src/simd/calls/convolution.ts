import * as record from '../record';
import { type CallList, type EpilogueAt, type MapAt, type PrologueAt, SCRATCH_VALUES } from './list';

/**
 * Convolutions and their gradients. A filter lies in panels, as inference packs it for the direct form (nn/plan/wasm/weights.ts):
 * a matrix [kernel height * kernel width * input channels, output channels] in panels of 8 columns, each [rows, 8], zeros
 * where there is nothing. A linear layer is a matrix [inputs, features]. Filter gradients are written in the same layout, so
 * parameters, gradients and moments are flat ranges alike, and what trains is never repacked for its own forward pass.
 */

/** Kernel and how it moves: zeros before the first row and column, pixels from one window to the next. */
export interface Window {
  kernel: number;
  stride: number;
  pad: number;
  /** Columns of the kernel and zeros before the first one, of one that is no square: forward passes alone. */
  across?: { kernel: number; pad: number };
}

/** Float32 values of a matrix in panels. */
export const panelValues = (rows: number, columns: number): number =>
  rows * Math.ceil(columns / record.PANEL) * record.PANEL;

const joined = (sources: readonly MapAt[]): number => sources.reduce((sum, s) => sum + s.channels, 0);

export interface Convolution {
  /** One map, or two joined along channels. */
  sources: readonly MapAt[];
  prologue?: PrologueAt | undefined;
  /** Address of the filter in panels; of a Winograd form: of its (tile + 2)^2 matrices. */
  filter: number;
  epilogue?: EpilogueAt | undefined;
  out: MapAt;
}

/** Any kernel and stride. Out is whatever fits: rows beyond the map are zeros, as many as the window asks for. */
export function convolve(list: CallList, convolution: Convolution & { window: Window }): void {
  const { kernel, stride, pad, across = { kernel, pad } } = convolution.window;
  const taps = { height: kernel, width: across.kernel, stride, top: pad, left: across.pad };
  convolveWindows(list, convolution, taps, null);
}

/** Kernel of one call: rows and columns of taps, zeros above and left of the first window. */
interface Taps {
  height: number;
  width: number;
  stride: number;
  top: number;
  left: number;
}

/** `into`: where the output's pixels lie in a map, `step` apart; null: one after the other in `out`. */
function convolveWindows(
  list: CallList,
  { sources, prologue, filter, epilogue, out }: Convolution,
  { height, width, stride, top, left }: Taps,
  into: { map: MapAt; step: number; top: number; left: number } | null,
): void {
  const inputs = joined(sources);
  const strip = (out.width - 1) * stride + width;
  const fit = Math.max(1, Math.floor((Math.floor(SCRATCH_VALUES / (strip * inputs)) - height) / stride) + 1);
  const rows = list.share(out.height, fit, Math.ceil(32 / out.width), 1, out.images);
  list.call(record.CONV_DIRECT, 0);
  list.blocks({ images: out.images, rows: out.height, columns: out.channels }, rows, record.PANEL);
  const stripValues = ((rows - 1) * stride + height) * strip * inputs;
  list.put(record.SCRATCH1, 4 * stripValues);
  list.need(4 * (stripValues + out.channels));
  list.put(record.KERNEL_SIZE, height);
  list.put(record.KERNEL_WIDTH, width);
  list.put(record.STRIDE, stride);
  list.put(record.PAD, top);
  list.put(record.PAD_LEFT, left);
  list.put(record.WEIGHTS, filter);
  list.sources(sources);
  list.prologue(prologue);
  list.epilogue(epilogue);
  list.output(out);
  const { map, ...place } = into ?? { map: out, step: 1, top: 0, left: 0 };
  list.put(record.OUT_STEP, place.step);
  list.put(record.OUT_TOP, place.top);
  list.put(record.OUT_LEFT, place.left);
  list.put(record.GRID_HEIGHT, map.height);
  list.put(record.GRID_WIDTH, map.width);
}

/** 3x3, stride 1, in output tiles of 2x2 or 4x4; the filter as `winogradFilter` writes it. */
export function convolveWinograd(
  list: CallList,
  { sources, prologue, filter, epilogue, out }: Convolution,
  { tile, pad }: { tile: 2 | 4; pad: number },
): void {
  const inputs = joined(sources);
  const points = (tile + 2) ** 2;
  const across = Math.ceil(out.width / tile);
  const down = Math.ceil(out.height / tile);
  const fit = Math.max(1, Math.floor((2 * SCRATCH_VALUES) / (points * inputs * across)));
  // A task of few tiles uses a weight little; but with columns alone to share, many threads would idle.
  const enough = out.images * Math.ceil(out.channels / record.WINOGRAD_COLUMNS) >= list.threads;
  const rows = list.share(down, fit, enough ? Math.ceil(16 / across) : 1, 1, out.images);
  list.call(record.CONV_WINOGRAD, 0);
  list.blocks({ images: out.images, rows: down, columns: out.channels }, rows, record.WINOGRAD_COLUMNS);
  const tiles = Math.ceil((rows * across) / 4) * 4;
  const strip = (rows * tile + 2) * (across * tile + 2) * inputs;
  list.put(record.MODE, tile);
  list.put(record.SCRATCH1, 4 * strip);
  list.put(record.SCRATCH2, 4 * (strip + points * tiles * inputs));
  list.need(4 * (strip + points * tiles * (inputs + record.WINOGRAD_COLUMNS) + out.channels));
  list.put(record.PAD, pad);
  list.put(record.WEIGHTS, filter);
  list.sources(sources);
  list.prologue(prologue);
  list.epilogue(epilogue);
  list.output(out);
}

/**
 * Rows times a matrix in panels, no prologue: 1x1 convolutions, and linear layers, whose "map" has one image of one row and N
 * columns of pixels.
 */
export function matrixProduct(list: CallList, { source, filter, epilogue, out }: MatrixProduct): void {
  const pixels = out.height * out.width;
  const { images } = out;
  const rows = list.share(pixels, Math.max(16, Math.floor(SCRATCH_VALUES / source.channels)), 16, 4, images);
  list.call(record.MATRIX, 0);
  list.blocks({ images, rows: pixels, columns: out.channels }, rows, record.PANEL);
  list.need(4 * out.channels);
  list.put(record.WEIGHTS, filter);
  list.sources([source]);
  list.epilogue(epilogue);
  list.output(out);
  list.put(record.OUT_WIDTH, pixels);
}

export interface MatrixProduct {
  source: MapAt;
  filter: number;
  epilogue?: EpilogueAt | undefined;
  out: MapAt;
}

/** A filter in panels, [kernel^2 * inputs, outputs], and how it moves. */
export interface FilterShape {
  window: Window;
  inputs: number;
  outputs: number;
}

/** One of the convolutions that an input gradient consists of: for a residue of the input's rows and columns. */
interface Phase {
  /** Residue of rows and columns, in pixels of the input. */
  row: number;
  column: number;
  /** Taps that reach it, and the source's first one: taps `first`, `first + stride`, ... */
  rows: Residue;
  columns: Residue;
  /** Bytes from the start of the turned filter. */
  offset: number;
}

interface Residue {
  first: number;
  count: number;
  /** Zeros before the first row of dy. */
  pad: number;
}

function residue({ kernel, stride, pad }: Window, r: number): Residue {
  const first = (r + pad) % stride;
  const count = first < kernel ? Math.ceil((kernel - first) / stride) : 0;
  // Row stride * y + r of the input meets tap first + stride * m at row y + (r + pad - first) / stride - m of dy.
  return { first, count, pad: count - 1 - (r + pad - first) / stride };
}

/** Phases of an input gradient: stride^2 of them; those that no tap reaches have no taps. */
function phases({ window, inputs, outputs }: FilterShape): Phase[] {
  const all: Phase[] = [];
  let offset = 0;
  for (let row = 0; row < window.stride; row++)
    for (let column = 0; column < window.stride; column++) {
      const [rows, columns] = [residue(window, row), residue(window, column)];
      all.push({ row, column, rows, columns, offset });
      offset += 4 * panelValues(rows.count * columns.count * outputs, inputs);
    }
  return all;
}

/** Float32 values of a turned filter. */
export const turnedValues = ({ window: { kernel }, inputs, outputs }: FilterShape): number =>
  panelValues(kernel * kernel * outputs, inputs);

/**
 * Turns a filter in panels around for its input gradient: matrices [taps * outputs, inputs], one for each residue of the
 * stride, one after the other. A linear layer's is the transpose (kernel 1).
 */
export function turnFilter(list: CallList, shape: FilterShape & { filter: number; out: number }): void {
  const { window, inputs, outputs, filter, out } = shape;
  for (const { rows, columns, offset } of phases(shape)) {
    if (rows.count * columns.count === 0) continue;
    list.call(record.TURN_FILTER, Math.ceil(inputs / record.PANEL));
    list.put(record.WEIGHTS, filter);
    list.put(record.CHANNELS0, inputs);
    list.put(record.CHANNELS1, outputs);
    list.put(record.WIDTH, window.kernel);
    list.put(record.STRIDE, window.stride);
    list.put(record.PAD, rows.first);
    list.put(record.PAD_LEFT, columns.first);
    list.put(record.KERNEL_SIZE, rows.count);
    list.put(record.KERNEL_WIDTH, columns.count);
    list.put(record.OUT, out + offset);
  }
}

/** Transforms a 3x3 filter in panels for Winograd tiles: `winogradValues` float32 values at `out`. */
export function winogradFilter(list: CallList, { filter, inputs, outputs, tile, out }: WinogradFilter): void {
  list.call(record.WINOGRAD_FILTER, Math.ceil(outputs / record.PANEL));
  list.need(4 * 4 * 3 * (tile + 2));
  list.put(record.WEIGHTS, filter);
  list.put(record.CHANNELS0, inputs);
  list.put(record.OUT_CHANNELS, outputs);
  list.put(record.MODE, tile);
  list.put(record.OUT, out);
}

export interface WinogradFilter {
  filter: number;
  inputs: number;
  outputs: number;
  tile: 2 | 4;
  out: number;
}

/** Float32 values of a Winograd filter: a packed matrix for each of the (tile + 2)^2 frequencies. */
export const winogradValues = (tile: 2 | 4, inputs: number, outputs: number): number =>
  (tile + 2) ** 2 * panelValues(inputs, outputs);

export interface InputGradient {
  /** Gradient of the convolution's output [N, out height, out width, outputs]. */
  dy: MapAt;
  window: Window;
  /** The turned filter: `turnFilter`'s, or of the form `winograd` that made of it. */
  filter: number;
  winograd?: 2 | 4;
  /** Added to it, scaled with it. */
  epilogue?: EpilogueAt | undefined;
  /** Gradient of its input [N, height, width, inputs]; joined sources have one joined gradient. */
  out: MapAt;
}

/** The gradient of a convolution's input: convolutions of dy with the turned filter, one for each residue of the stride. */
export function inputGradient(list: CallList, gradient: InputGradient): void {
  const { dy, window, filter, winograd, epilogue, out } = gradient;
  const { kernel, stride, pad } = window;
  const shared = { sources: [dy], epilogue };
  if (winograd) {
    convolveWinograd(list, { ...shared, filter, out }, { tile: winograd, pad: kernel - 1 - pad });
    return;
  }
  if (kernel === 1 && stride === 1) {
    matrixProduct(list, { source: dy, filter, epilogue, out });
    return;
  }
  for (const phase of phases({ window, inputs: out.channels, outputs: dy.channels })) {
    const { row, column, rows, columns, offset } = phase;
    const grid = {
      ...out,
      height: Math.ceil((out.height - row) / stride),
      width: Math.ceil((out.width - column) / stride),
    };
    if (grid.height <= 0 || grid.width <= 0) continue;
    convolveWindows(
      list,
      { ...shared, filter: filter + offset, out: grid },
      { height: rows.count, width: columns.count, stride: 1, top: rows.pad, left: columns.pad },
      { map: out, step: stride, top: row, left: column },
    );
  }
}

export interface FilterGradient {
  /** What the convolution read, [N, height, width, inputs]: one map, or two joined, and its prologue. */
  sources: readonly MapAt[];
  prologue?: PrologueAt | undefined;
  window: Window;
  /** Gradient of its output [N, out height, out width, outputs]; padded channels are zero. */
  dy: MapAt;
  /** Scales the gradient. */
  scale?: number;
  /** Adds to what is at `out` instead of replacing it. */
  accumulate?: boolean;
  /** Address of the gradient, in panels as the filter: [kernel^2 * inputs, outputs]. */
  out: number;
}

/** Pixels that are summed in registers before they are added to the others: one chunk of the sum. */
const CHUNK_PIXELS = 128;
/** Input and output channels of a task at most: what is packed of both stays in the second-level cache. */
const BLOCK = 64;

/** The gradient of a filter, of any kernel and stride; of a linear layer's matrix: images are the pixels of one row. */
export function filterGradient(list: CallList, gradient: FilterGradient): void {
  const { sources, prologue, window, dy, scale = 1, accumulate = false, out } = gradient;
  const { kernel, stride, pad } = window;
  const inputs = joined(sources);
  const pixels = dy.height * dy.width;
  // The chunks decide in which order values are added: they depend on the shape alone.
  const images = Math.max(1, Math.min(dy.images, Math.floor(CHUNK_PIXELS / pixels)));
  const rows = images > 1 ? dy.height : Math.min(dy.height, Math.ceil(CHUNK_PIXELS / dy.width));
  const [rowsATask, columnsATask] = filterBlocks(list.threads, inputs, dy.channels);
  const rowBlocks = Math.ceil(inputs / rowsATask);
  const columnBlocks = Math.ceil(dy.channels / columnsATask);
  list.call(record.FILTER_GRADIENT, rowBlocks * columnBlocks);
  list.put(record.ROWS, rowsATask);
  list.put(record.ROW_BLOCKS, rowBlocks);
  list.put(record.COLUMNS, columnsATask);
  list.put(record.COLUMN_BLOCKS, columnBlocks);
  list.sources(sources);
  list.prologue(prologue);
  list.put(record.KERNEL_SIZE, kernel);
  list.put(record.STRIDE, stride);
  list.put(record.PAD, pad);
  list.put(record.GRADIENT, dy.at);
  list.put(record.IMAGES, dy.images);
  list.put(record.OUT_HEIGHT, dy.height);
  list.put(record.OUT_WIDTH, dy.width);
  list.put(record.OUT_CHANNELS, dy.channels);
  list.put(record.CHUNK_ROWS, rows);
  list.put(record.CHUNK_IMAGES, images);
  list.float(record.SCALE, scale);
  list.put(record.ACCUMULATE, accumulate ? 1 : 0);
  list.put(record.OUT, out);
  const strip = ((rows - 1) * stride + kernel) * ((dy.width - 1) * stride + kernel);
  const packed = images * strip * rowsATask;
  list.put(record.SCRATCH1, 4 * packed);
  list.need(4 * (packed + images * rows * dy.width * Math.ceil(columnsATask / 8) * 8));
}

/** Channels of a task: as many as fit, fewer where threads would idle. */
function filterBlocks(threads: number, inputs: number, outputs: number): [number, number] {
  let [rows, columns] = [Math.min(BLOCK, inputs), Math.min(BLOCK, Math.ceil(outputs / 8) * 8)];
  const tasks = () => Math.ceil(inputs / rows) * Math.ceil(outputs / columns);
  while (threads > 1 && tasks() < 2 * threads && (rows > 8 || columns > 8))
    if (columns >= rows && columns > 8) columns = Math.ceil(columns / 16) * 8;
    else rows = Math.ceil(rows / 8) * 4;
  return [rows, columns];
}
