import {
  CHANNELS0, CHANNELS1, COUNT, EPSILON, GRADIENT, HEIGHT, KERNEL_SIZE, MODE, OUT, OUT_HEIGHT, OUT_WIDTH, PAD, PARTIALS,
  ROWS, ROW_BLOCKS, SCALE, SOURCE0, SOURCE1, STRIDE, VECTOR, VECTOR_GRADIENT_STRIDE, VECTOR_STRIDE, WIDTH,
} from '../record';
import { lanes, madd, realChannels } from './vector';

/** Maps times vectors, sums of products, and single numbers. Of an image's pixels a task takes some rows. */

/** x (v + offset), where x may have one channel. */
export function product(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS1);
  const own = <usize>load<i32>(record + CHANNELS0) << 2;
  const bytes = <usize>channels << 2;
  const single = load<i32>(record + COUNT) == 1;
  const pixels = load<i32>(record + HEIGHT);
  const blocks = load<i32>(record + ROW_BLOCKS);
  const n = task / blocks;
  const first = (task % blocks) * load<i32>(record + ROWS);
  const last = min(pixels, first + load<i32>(record + ROWS));
  const v = load<usize>(record + VECTOR) + <usize>n * load<usize>(record + VECTOR_STRIDE);
  const offset = v128.load32_splat(record + EPSILON);
  for (let p = first; p < last; p++) {
    const from = load<usize>(record + SOURCE0) + <usize>(n * pixels + p) * own;
    const to = load<usize>(record + OUT) + <usize>(n * pixels + p) * bytes;
    for (let c: usize = 0; c < bytes; c += 16) {
      const x = single ? v128.load32_splat(from) : v128.load(from + c);
      v128.store(to + c, f32x4.mul(x, f32x4.add(v128.load(v + c), offset)));
    }
  }
}

/** The sum over channels of x v: one channel, stored as four. */
export function channelDot(record: usize, task: i32, scratch: usize): void {
  const bytes = <usize>load<i32>(record + CHANNELS0) << 2;
  const pixels = load<i32>(record + HEIGHT);
  const blocks = load<i32>(record + ROW_BLOCKS);
  const n = task / blocks;
  const first = (task % blocks) * load<i32>(record + ROWS);
  const last = min(pixels, first + load<i32>(record + ROWS));
  const v = load<usize>(record + VECTOR) + <usize>n * load<usize>(record + VECTOR_STRIDE);
  for (let p = first; p < last; p++) {
    const from = load<usize>(record + SOURCE0) + <usize>(n * pixels + p) * bytes;
    let sum = f32x4.splat(0);
    for (let c: usize = 0; c < bytes; c += 16) sum = madd(v128.load(from + c), v128.load(v + c), sum);
    const to = load<usize>(record + OUT) + (<usize>(n * pixels + p) << 4);
    v128.store(to, f32x4.replace_lane(f32x4.splat(0), 0, lanes(sum)));
  }
}

/** The sum over an image's pixels of a b, where b may have one channel. A task is an image. */
export function pixelDot(record: usize, task: i32, scratch: usize): void {
  const bytes = <usize>load<i32>(record + CHANNELS0) << 2;
  const other = <usize>load<i32>(record + CHANNELS1) << 2;
  const single = load<i32>(record + COUNT) == 1;
  const pixels = load<i32>(record + HEIGHT);
  const a = load<usize>(record + SOURCE0) + <usize>(task * pixels) * bytes;
  const b = load<usize>(record + SOURCE1) + <usize>(task * pixels) * other;
  const out = load<usize>(record + OUT) + <usize>task * load<usize>(record + VECTOR_GRADIENT_STRIDE);
  for (let c: usize = 0; c < bytes; c += 16) {
    let sum = f32x4.splat(0);
    for (let p = 0; p < pixels; p++) {
      const at = b + <usize>p * other;
      sum = madd(v128.load(a + <usize>p * bytes + c), single ? v128.load32_splat(at) : v128.load(at + c), sum);
    }
    v128.store(out + c, sum);
  }
}

/** The sum over everything, but channels that only pad, times a scale; one task. */
export function total(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0);
  const rows = load<i32>(record + HEIGHT);
  const count = load<i32>(record + COUNT);
  let from = load<usize>(record + SOURCE0);
  let sum: f64 = 0;
  for (let r = 0; r < rows; r++) {
    let row = f32x4.splat(0);
    for (let c = 0; c < channels; c += 4) {
      row = f32x4.add(row, v128.and(v128.load(from), realChannels(c, count)));
      from += 16;
    }
    sum += lanes(row);
  }
  number(record, sum);
}

/** The sum of float64 values, times a scale; one task. */
export function sumPartials(record: usize, task: i32, scratch: usize): void {
  const from = load<usize>(record + PARTIALS);
  let sum: f64 = 0;
  for (let i = 0; i < load<i32>(record + COUNT); i++) sum += load<f64>(from + (<usize>i << 3));
  number(record, sum);
}

/** One number, stored as four values with zeros behind it. */
function number(record: usize, value: f64): void {
  const scaled = <f32>(value * load<f32>(record + SCALE));
  v128.store(load<usize>(record + OUT), f32x4.replace_lane(f32x4.splat(0), 0, scaled));
}

/** One number at every channel of some pixels that does not only pad. */
export function broadcast(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0);
  const count = load<i32>(record + COUNT);
  const first = task * load<i32>(record + ROWS);
  const last = min(load<i32>(record + HEIGHT), first + load<i32>(record + ROWS));
  const value = v128.load32_splat(load<usize>(record + SOURCE0));
  let to = load<usize>(record + OUT) + (<usize>(first * channels) << 2);
  for (let p = first; p < last; p++)
    for (let c = 0; c < channels; c += 4) {
      v128.store(to, v128.and(value, realChannels(c, count)));
      to += 16;
    }
}

/**
 * Every pixel's channels divided by their length, the root of EPSILON and the sum of squares; MODE 1: the gradient, 2: without their
 * mean, 3: the gradient of that.
 */
export function unit(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0);
  const bytes = <usize>channels << 2;
  const first = task * load<i32>(record + ROWS);
  const last = min(load<i32>(record + HEIGHT), first + load<i32>(record + ROWS));
  const back = (load<i32>(record + MODE) & 1) != 0;
  const share: f32 = (load<i32>(record + MODE) & 2) != 0 ? <f32>(1.0 / <f64>channels) : 0;
  for (let p = first; p < last; p++) {
    const place = <usize>p * bytes;
    const x = load<usize>(record + SOURCE0) + place;
    const dy = load<usize>(record + GRADIENT) + place;
    const to = load<usize>(record + OUT) + place;
    const mean = f32x4.splat(share == 0 ? 0 : sumOf(x, bytes) * share);
    let squares = f32x4.splat(0), along = f32x4.splat(0);
    for (let c: usize = 0; c < bytes; c += 16) {
      const v = f32x4.sub(v128.load(x + c), mean);
      squares = madd(v, v, squares);
      if (back) along = madd(v, v128.load(dy + c), along);
    }
    const r = <f32>(1.0 / Math.sqrt(<f64>lanes(squares) + <f64>load<f32>(record + EPSILON)));
    const factor = f32x4.splat(r), less = f32x4.splat(-<f32>lanes(along) * r * r * r);
    const meanDy = f32x4.splat(back && share != 0 ? sumOf(dy, bytes) * share : 0);
    for (let c: usize = 0; c < bytes; c += 16) {
      const v = f32x4.sub(v128.load(x + c), mean);
      const y = back ? f32x4.sub(v128.load(dy + c), meanDy) : v;
      v128.store(to + c, back ? madd(v, less, f32x4.mul(y, factor)) : f32x4.mul(y, factor));
    }
  }
}

function sumOf(from: usize, bytes: usize): f32 {
  let sum = f32x4.splat(0);
  for (let c: usize = 0; c < bytes; c += 16) sum = f32x4.add(sum, v128.load(from + c));
  return lanes(sum);
}

/**
 * Pixels shifted by whole ones, zeros from outside and in a rectangle that is cut out; MODE 1: the gradient, which goes the
 * other way. VECTOR: [shiftY, shiftX, top, bottom, left, right] of each image.
 */
export function shiftAndCut(record: usize, task: i32, scratch: usize): void {
  const bytes = <usize>load<i32>(record + CHANNELS0) << 2;
  const height = load<i32>(record + HEIGHT), width = load<i32>(record + WIDTH);
  const blocks = load<i32>(record + ROW_BLOCKS);
  const n = task / blocks;
  const first = (task % blocks) * load<i32>(record + ROWS);
  const last = min(height, first + load<i32>(record + ROWS));
  const place = load<usize>(record + VECTOR) + <usize>n * load<usize>(record + VECTOR_STRIDE);
  const back = load<i32>(record + MODE) == 1;
  const sign = back ? -1 : 1;
  const dy = sign * <i32>load<f32>(place), dx = sign * <i32>load<f32>(place, 4);
  const top = <i32>load<f32>(place, 8), bottom = <i32>load<f32>(place, 12);
  const left = <i32>load<f32>(place, 16), right = <i32>load<f32>(place, 20);
  const image = <usize>(n * height * width) * bytes;
  const source = load<usize>(record + SOURCE0) + image;
  let to = load<usize>(record + OUT) + image + <usize>(first * width) * bytes;
  for (let i = first; i < last; i++)
    for (let j = 0; j < width; j++) {
      const y = i + dy, x = j + dx;
      // What is cut out is told by the place in the shifted image: the gradient's source.
      const cy = back ? y : i, cx = back ? x : j;
      const inside = y >= 0 && y < height && x >= 0 && x < width;
      if (inside && !(cy >= top && cy < bottom && cx >= left && cx < right))
        memory.copy(to, source + <usize>(y * width + x) * bytes, bytes);
      else memory.fill(to, 0, bytes);
      to += bytes;
    }
}

/** The largest of each window; a task is a row of the output. */
export function maxPool(record: usize, task: i32, scratch: usize): void {
  const bytes = <usize>load<i32>(record + CHANNELS0) << 2;
  const height = load<i32>(record + HEIGHT);
  const width = load<i32>(record + WIDTH);
  const outHeight = load<i32>(record + OUT_HEIGHT);
  const outWidth = load<i32>(record + OUT_WIDTH);
  const kernel = load<i32>(record + KERNEL_SIZE);
  const stride = load<i32>(record + STRIDE);
  const pad = load<i32>(record + PAD);
  const n = task / outHeight;
  const top = (task % outHeight) * stride - pad;
  const y0 = max(0, top), y1 = min(height, top + kernel);
  const image = load<usize>(record + SOURCE0) + <usize>(n * height * width) * bytes;
  let to = load<usize>(record + OUT) + <usize>(task * outWidth) * bytes;
  for (let x = 0; x < outWidth; x++) {
    const left = x * stride - pad;
    const x0 = max(0, left), x1 = min(width, left + kernel);
    for (let c: usize = 0; c < bytes; c += 16) {
      let most = f32x4.splat(-f32.MAX_VALUE);
      for (let y = y0; y < y1; y++) {
        let at = image + <usize>(y * width + x0) * bytes + c;
        for (let p = x0; p < x1; p++) {
          most = f32x4.max(most, v128.load(at));
          at += bytes;
        }
      }
      v128.store(to + c, most);
    }
    to += bytes;
  }
}

/** The gradient to the first of the largest. */
export function maxPoolGradient(record: usize, task: i32, scratch: usize): void {
  const bytes = <usize>load<i32>(record + CHANNELS0) << 2;
  const width = load<i32>(record + WIDTH);
  const row = <usize>width * bytes;
  let at = <usize>(2 * task) * row;
  let dy = load<usize>(record + GRADIENT) + <usize>task * (row >> 1);
  const source = load<usize>(record + SOURCE0);
  const out = load<usize>(record + OUT);
  for (let x = 0; x < width >> 1; x++) {
    for (let c: usize = 0; c < bytes; c += 16) {
      const g = v128.load(dy + c);
      const p = source + at + c, q = out + at + c;
      const x0 = v128.load(p), x1 = v128.load(p + bytes), x2 = v128.load(p + row), x3 = v128.load(p + row + bytes);
      const most = f32x4.max(f32x4.max(x0, x1), f32x4.max(x2, x3));
      let free = f32x4.eq(most, most);
      free = give(q, x0, most, free, g);
      free = give(q + bytes, x1, most, free, g);
      free = give(q + row, x2, most, free, g);
      give(q + row + bytes, x3, most, free, g);
    }
    at += 2 * bytes;
    dy += bytes;
  }
}

/** Writes the gradient where x is the largest and no one before was; returns where it is still to be given. */
// @ts-ignore: decorator
@inline
function give(to: usize, x: v128, most: v128, free: v128, g: v128): v128 {
  const here = v128.and(f32x4.eq(x, most), free);
  v128.store(to, v128.and(here, g));
  return v128.andnot(free, here);
}

/** The values of SOURCE1 where the first of the largest lies; a task is a row of the output. */
export function maxPoolTangent(record: usize, task: i32, scratch: usize): void {
  const bytes = <usize>load<i32>(record + CHANNELS0) << 2;
  const width = load<i32>(record + WIDTH);
  const row = <usize>width * bytes;
  let at = <usize>(2 * task) * row;
  let to = load<usize>(record + OUT) + <usize>task * (row >> 1);
  const source = load<usize>(record + SOURCE0);
  const values = load<usize>(record + SOURCE1);
  for (let x = 0; x < width >> 1; x++) {
    for (let c: usize = 0; c < bytes; c += 16) {
      const p = source + at + c, v = values + at + c;
      const x0 = v128.load(p), x1 = v128.load(p + bytes), x2 = v128.load(p + row), x3 = v128.load(p + row + bytes);
      const most = f32x4.max(f32x4.max(x0, x1), f32x4.max(x2, x3));
      let taken = v128.bitselect(v128.load(v + row), v128.load(v + row + bytes), f32x4.eq(x2, most));
      taken = v128.bitselect(v128.load(v + bytes), taken, f32x4.eq(x1, most));
      v128.store(to + c, v128.bitselect(v128.load(v), taken, f32x4.eq(x0, most)));
    }
    at += 2 * bytes;
    to += bytes;
  }
}
