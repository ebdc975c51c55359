import * as record from '../record';
import type { CallList, MapAt, VectorAt } from './list';

/** Maps times vectors, sums of products, and single numbers, each stored as four values with zeros behind it. */

/** `channels`: those of a map that do not only pad; 1: the map stands for all channels of what it is multiplied with. */
interface Real {
  channels: number;
}

/** out = x (v + offset), x [N, H, W, C or 1], v [N, C]. */
export function product(
  list: CallList,
  step: Real & { x: MapAt; v: VectorAt; offset?: 0 | 1; out: MapAt },
): void {
  const { x, v, offset = 0, channels, out } = step;
  rows(list, record.PRODUCT, x);
  list.put(record.COUNT, channels);
  list.put(record.VECTOR, v.at);
  list.put(record.VECTOR_STRIDE, v.stride);
  list.float(record.EPSILON, offset);
  list.put(record.CHANNELS1, out.channels);
  list.put(record.OUT, out.at);
}

/** The sum over channels of x v: a map of one channel, stored as four. */
export function channelDot(list: CallList, { x, v, out }: { x: MapAt; v: VectorAt; out: MapAt }): void {
  rows(list, record.CHANNEL_DOT, x);
  list.put(record.VECTOR, v.at);
  list.put(record.VECTOR_STRIDE, v.stride);
  list.put(record.OUT, out.at);
}

/** The sum over pixels of a b, [N, C] at `out`; `channels` are those of b. */
export function pixelDot(list: CallList, step: Real & { a: MapAt; b: MapAt; out: VectorAt }): void {
  const { a, b, channels, out } = step;
  list.call(record.PIXEL_DOT, a.images);
  list.put(record.SOURCE0, a.at);
  list.put(record.CHANNELS0, a.channels);
  list.put(record.SOURCE1, b.at);
  list.put(record.CHANNELS1, b.channels);
  list.put(record.COUNT, channels);
  list.put(record.HEIGHT, a.height * a.width);
  list.put(record.OUT, out.at);
  list.put(record.VECTOR_GRADIENT_STRIDE, out.stride);
}

/** The sum over all of a map, times scale: one number. For small maps: one task. */
export function total(list: CallList, step: Real & { x: MapAt; scale?: number; out: number }): void {
  const { x, channels, scale = 1, out } = step;
  list.call(record.TOTAL, 1);
  list.put(record.SOURCE0, x.at);
  list.put(record.CHANNELS0, x.channels);
  list.put(record.HEIGHT, x.images * x.height * x.width);
  list.put(record.COUNT, channels);
  list.float(record.SCALE, scale);
  list.put(record.OUT, out);
}

/** The sum of `count` float64 values, times scale: one number. */
export function sumPartials(
  list: CallList,
  { partials, count, scale = 1, out }: { partials: number; count: number; scale?: number; out: number },
): void {
  list.call(record.SUM_PARTIALS, 1);
  list.put(record.PARTIALS, partials);
  list.put(record.COUNT, count);
  list.float(record.SCALE, scale);
  list.put(record.OUT, out);
}

/** One number, by its address, at every channel of a map that does not only pad. */
export function broadcast(
  list: CallList,
  { source, channels, out }: Real & { source: number; out: MapAt },
): void {
  const pixels = out.images * out.height * out.width;
  list.call(record.BROADCAST, 0);
  list.rowBlocks(1, pixels, list.share(pixels, pixels, 256, 1, 1));
  list.put(record.SOURCE0, source);
  list.put(record.CHANNELS0, out.channels);
  list.put(record.HEIGHT, pixels);
  list.put(record.COUNT, channels);
  list.put(record.OUT, out.at);
}

/** Pixels from a whole number of rows and columns on, and what is cut out; `transposed`: the gradient (nn/plan/operations.ts). */
export function shiftAndCut(
  list: CallList,
  { x, place, transposed, out }: { x: MapAt; place: VectorAt; transposed: boolean; out: MapAt },
): void {
  list.call(record.SHIFT_AND_CUT, 0);
  list.rowBlocks(x.images, x.height, list.share(x.height, x.height, 1, 1, x.images));
  list.sources([x]);
  list.put(record.VECTOR, place.at);
  list.put(record.VECTOR_STRIDE, place.stride);
  list.put(record.MODE, transposed ? 1 : 0);
  list.put(record.OUT, out.at);
}

export interface Unit {
  x: MapAt;
  /** Added to the sum of squares before its root is divided by. */
  eps: number;
  /** Without the channels' mean, where none only pads. */
  centred: boolean;
  /** The gradient of what is asked for, in place of it. */
  dy?: MapAt | undefined;
  out: MapAt;
}

/** Every pixel's channels scaled to length 1; with `dy` the gradient of that. */
export function unit(list: CallList, { x, eps, centred, dy, out }: Unit): void {
  const pixels = x.images * x.height * x.width;
  list.call(record.UNIT, 0);
  list.rowBlocks(1, pixels, list.share(pixels, pixels, 64, 1, 1));
  list.put(record.SOURCE0, x.at);
  list.put(record.CHANNELS0, x.channels);
  list.put(record.HEIGHT, pixels);
  list.put(record.GRADIENT, dy?.at ?? 0);
  list.put(record.MODE, (dy ? 1 : 0) + (centred ? 2 : 0));
  list.float(record.EPSILON, eps);
  list.put(record.OUT, out.at);
}

/** The largest of each window, of which only what the map has counts; windows begin `pad` pixels before it. */
export function maxPool(list: CallList, { x, out, kernel, stride, pad }: MaxPool): void {
  list.call(record.MAX_POOL, out.images * out.height);
  list.sources([x]);
  list.put(record.KERNEL_SIZE, kernel);
  list.put(record.STRIDE, stride);
  list.put(record.PAD, pad);
  list.output(out);
}

export interface MaxPool {
  x: MapAt;
  out: MapAt;
  kernel: number;
  stride: number;
  pad: number;
}

/** The gradient of the source of a pool of 2x2 pixels, of its shape: to the first of the largest. */
export function maxPoolGradient(list: CallList, { x, dy, out }: { x: MapAt; dy: MapAt; out: MapAt }): void {
  list.call(record.MAX_POOL_GRADIENT, (x.images * x.height) / 2);
  list.sources([x]);
  list.put(record.GRADIENT, dy.at);
  list.put(record.OUT, out.at);
}

/** Of v, a map of x's shape, the values at the first of the largest of 2x2 pixels of x. */
export function maxPoolTangent(list: CallList, { x, v, out }: { x: MapAt; v: MapAt; out: MapAt }): void {
  list.call(record.MAX_POOL_TANGENT, (x.images * x.height) / 2);
  list.sources([x, v]);
  list.put(record.OUT, out.at);
}

/** Some pixels of an image a task. */
function rows(list: CallList, kernel: number, { at, images, height, width, channels }: MapAt): void {
  const pixels = height * width;
  list.call(kernel, 0);
  list.rowBlocks(images, pixels, list.share(pixels, pixels, 64, 1, images));
  list.put(record.SOURCE0, at);
  list.put(record.CHANNELS0, channels);
  list.put(record.HEIGHT, pixels);
}
