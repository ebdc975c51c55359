import {
  ACCUMULATE, AFFINE, BIAS, CHANNELS0, CHANNELS1, CHUNK, CHUNKS, COEFFICIENTS, GRADIENT, GROUPS, HEIGHT, IMAGES, OUT, OUT1,
  PARTIALS, RESIDUAL, ROWS, ROW_BLOCKS, SCALE, SILU, SOURCE0, SOURCE1, STATISTICS, SUMS, VECTOR, VECTOR_GRADIENT,
  VECTOR_GRADIENT_STRIDE, VECTOR_STRIDE, WEIGHTS, WIDTH,
} from '../record';
import { madd, siluSlope } from './vector';

/**
 * The gradient of group normalisation, y = (x - mu) r w + b and SiLU behind it. First dy before the SiLU, in place, and the sums
 * of dy and of dy xhat of every channel over a chunk of pixels; then those of each group, in float64:
 *
 *   dx = r (w dy - mean(w dy) - xhat mean(w dy xhat)) = a dy + p x + q,   means over pixels and group
 */
export function normGradientSums(record: usize, task: i32, scratch: usize): void {
  const chunks = load<i32>(record + CHUNKS);
  const chunk = load<i32>(record + CHUNK);
  const pixels = load<i32>(record + HEIGHT) * load<i32>(record + WIDTH);
  const c0 = load<i32>(record + CHANNELS0);
  const c1 = load<i32>(record + CHANNELS1);
  const n = task / chunks;
  const first = (task % chunks) * chunk;
  const count = min(chunk, pixels - first);
  const bytes = <usize>(c0 + c1) << 2;
  const pixel = <usize>(n * pixels + first);
  const dy = load<usize>(record + GRADIENT) + pixel * bytes;
  const affine = load<usize>(record + AFFINE) + <usize>(2 * n) * bytes;
  const statistics = load<usize>(record + STATISTICS) + <usize>(2 * n) * bytes;
  const to = load<usize>(record + PARTIALS) + <usize>(2 * task) * bytes;
  const silu = load<i32>(record + SILU) != 0;
  for (let c: usize = 0; c < bytes; c += 16) {
    const second = c >= <usize>c0 << 2;
    const stride = <usize>(second ? c1 : c0) << 2;
    const at = second ? c - (<usize>c0 << 2) : c;
    const x = load<usize>(record + (second ? SOURCE1 : SOURCE0)) + pixel * stride + at;
    if (silu) beforeSilu(x, stride, dy + c, bytes, count, affine + c);
    sums(x, stride, dy + c, bytes, count, statistics + c, to + c);
  }
}

/** dy times the slope of SiLU at x * factor + offset, in place; four channels. */
function beforeSilu(x: usize, stride: usize, dy: usize, bytes: usize, count: i32, affine: usize): void {
  const factor = v128.load(affine), offset = v128.load(affine + bytes);
  for (let p = 0; p < count; p++) {
    v128.store(dy, f32x4.mul(v128.load(dy), siluSlope(madd(v128.load(x), factor, offset))));
    x += stride;
    dy += bytes;
  }
}

function sums(x: usize, stride: usize, dy: usize, bytes: usize, count: i32, statistics: usize, to: usize): void {
  const mean = v128.load(statistics);
  let plain = f32x4.splat(0), moment = f32x4.splat(0);
  for (let p = 0; p < count; p++) {
    const g = v128.load(dy);
    plain = f32x4.add(plain, g);
    moment = madd(g, f32x4.sub(v128.load(x), mean), moment);
    x += stride;
    dy += bytes;
  }
  v128.store(to, plain);
  v128.store(to + bytes, f32x4.mul(moment, v128.load(statistics + bytes)));
}

/** One group of one image. */
export function normGradientFinish(record: usize, task: i32, scratch: usize): void {
  const groups = load<i32>(record + GROUPS);
  const chunks = load<i32>(record + CHUNKS);
  const pixels = load<i32>(record + HEIGHT) * load<i32>(record + WIDTH);
  const channels = load<i32>(record + CHANNELS0) + load<i32>(record + CHANNELS1);
  const n = task / groups;
  const width = channels / groups;
  const first = (task % groups) * width;
  const bytes = <usize>channels << 2;
  const partials = load<usize>(record + PARTIALS) + <usize>(2 * n * chunks) * bytes;
  const own = <usize>(2 * n) * bytes;
  const to = load<usize>(record + SUMS) + own;
  const factors = load<usize>(record + AFFINE) + own;
  const statistics = load<usize>(record + STATISTICS) + own + (<usize>first << 2);
  const modulated = load<usize>(record + VECTOR_GRADIENT);
  const vectorGradient = modulated + <usize>n * load<usize>(record + VECTOR_GRADIENT_STRIDE);

  // Factors are r w (s + 1): r times what a mean is taken of.
  let mean: f64 = 0, moment: f64 = 0;
  for (let c = first; c < first + width; c++) {
    const at = <usize>c << 2;
    let plain: f64 = 0, product: f64 = 0;
    for (let k = 0; k < chunks; k++) {
      const part = partials + <usize>(2 * k) * bytes + at;
      plain += load<f32>(part);
      product += load<f32>(part + bytes);
    }
    store<f32>(to + at, <f32>plain);
    store<f32>(to + bytes + at, <f32>product);
    const factor: f64 = load<f32>(factors + at);
    mean += factor * plain;
    moment += factor * product;
    if (modulated == 0) continue;
    const w: f64 = load<f32>(load<usize>(record + WEIGHTS) + at), b: f64 = load<f32>(load<usize>(record + BIAS) + at);
    store<f32>(vectorGradient + at, <f32>(w * product + b * plain));
    store<f32>(vectorGradient + bytes + at, <f32>plain);
  }
  const total = <f64>(pixels * width);
  const mu: f64 = load<f32>(statistics), r: f64 = load<f32>(statistics + bytes);
  const p = -r * moment / total;
  const q = -mean / total - mu * p;
  const out = load<usize>(record + COEFFICIENTS) + own;
  for (let c = first; c < first + width; c++) {
    store<f32>(out + (<usize>c << 2), <f32>p);
    store<f32>(out + bytes + (<usize>c << 2), <f32>q);
  }
}

/** Gradients of scale and shift: the sums over images, times s + 1 where there is a modulation. */
export function normGradientParameters(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0) + load<i32>(record + CHANNELS1);
  const images = load<i32>(record + IMAGES);
  const bytes = <usize>channels << 2;
  const first = task * load<i32>(record + CHUNK);
  const last = min(channels, first + load<i32>(record + CHUNK));
  const vector = load<usize>(record + VECTOR);
  const accumulate = load<i32>(record + ACCUMULATE) != 0;
  for (let c = first; c < last; c++) {
    const at = <usize>c << 2;
    let plain: f64 = 0, product: f64 = 0;
    for (let n = 0; n < images; n++) {
      const from = load<usize>(record + SUMS) + <usize>(2 * n) * bytes + at;
      let s: f64 = 1;
      if (vector != 0) s += load<f32>(vector + <usize>n * load<usize>(record + VECTOR_STRIDE) + at);
      plain += s * load<f32>(from);
      product += s * load<f32>(from + bytes);
    }
    const weight = load<usize>(record + OUT) + at;
    const bias = load<usize>(record + OUT1) + at;
    store<f32>(weight, <f32>product + (accumulate ? load<f32>(weight) : 0));
    store<f32>(bias, <f32>plain + (accumulate ? load<f32>(bias) : 0));
  }
}

/** dx = a dy + p x + q + residual * scale of some pixels, to the sources' own gradients. */
export function normGradientApply(record: usize, task: i32, scratch: usize): void {
  const pixels = load<i32>(record + HEIGHT) * load<i32>(record + WIDTH);
  const rowBlocks = load<i32>(record + ROW_BLOCKS);
  const c0 = load<i32>(record + CHANNELS0);
  const c1 = load<i32>(record + CHANNELS1);
  const n = task / rowBlocks;
  const first = (task % rowBlocks) * load<i32>(record + ROWS);
  const count = min(pixels - first, load<i32>(record + ROWS));
  const pixel = n * pixels + first;
  const bytes = <usize>(c0 + c1) << 2;
  apply(record, n, pixel, count, SOURCE0, OUT, 0, <usize>c0 << 2, bytes);
  if (c1 != 0) apply(record, n, pixel, count, SOURCE1, OUT1, <usize>c0 << 2, <usize>c1 << 2, bytes);
}

/** One source's channels, which begin `base` bytes into the joined ones. */
function apply(
  record: usize, n: i32, pixel: i32, count: i32, source: usize, target: usize, base: usize, own: usize, bytes: usize,
): void {
  let x = load<usize>(record + source) + <usize>pixel * own;
  let out = load<usize>(record + target) + <usize>pixel * own;
  let dy = load<usize>(record + GRADIENT) + <usize>pixel * bytes + base;
  const added = load<usize>(record + RESIDUAL) != 0;
  let residual = load<usize>(record + RESIDUAL) + <usize>pixel * bytes + base;
  const scale = v128.load32_splat(record + SCALE);
  const a = load<usize>(record + AFFINE) + <usize>(2 * n) * bytes + base;
  const p = load<usize>(record + COEFFICIENTS) + <usize>(2 * n) * bytes + base;
  const q = p + bytes;
  for (let i = 0; i < count; i++) {
    for (let c: usize = 0; c < own; c += 16) {
      let y = madd(v128.load(dy + c), v128.load(a + c), madd(v128.load(x + c), v128.load(p + c), v128.load(q + c)));
      if (added) y = madd(v128.load(residual + c), scale, y);
      v128.store(out + c, y);
    }
    x += own;
    out += own;
    dy += bytes;
    residual += bytes;
  }
}

/** Channels of a task, and pixels whose sums are float32. */
const CURVED = 16;
const BLOCK = 32;

/**
 * The gradient in x of v times a batch norm's gradient of x, for some channels of all pixels; means over pixels, u = dy:
 *
 *   -w r^2 (xhat (m(u v) - m(u) m(v) - 3 m(u xhat) m(v xhat)) + m(u xhat) (v - m(v)) + m(v xhat) (u - m(u)))
 *
 * It is p xhat + q v + s u + t. Scratch: five sums of each channel, in float64, and those four factors.
 */
export function batchNormCurvature(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0);
  const pixels = load<i32>(record + HEIGHT);
  const bytes = <usize>channels << 2;
  const first = task * CURVED;
  const vectors = min(channels - first, CURVED) >> 2;
  const base = <usize>first << 2;
  const x = load<usize>(record + SOURCE0) + base;
  const dy = load<usize>(record + GRADIENT) + base;
  const v = load<usize>(record + RESIDUAL) + base;
  const statistics = load<usize>(record + STATISTICS) + base;
  memory.fill(scratch, 0, <usize>(5 * 4 * vectors) << 3);
  for (let p = 0; p < pixels; p += BLOCK)
    for (let k = 0; k < vectors; k++)
      curvatureSums(x, dy, v, bytes, p, min(pixels, p + BLOCK), <usize>k << 4, statistics, scratch + <usize>(20 * k << 3));
  const count = <f64>pixels;
  const factors = scratch + <usize>(5 * CURVED << 3);
  for (let c = 0; c < vectors << 2; c++) {
    const from = scratch + <usize>(20 * (c >> 2) + (c & 3) << 3);
    const to = factors + (<usize>c << 2);
    const u = load<f64>(from) / count, w = load<f64>(from + 32) / count;
    const alongU = load<f64>(from + 64) / count, alongV = load<f64>(from + 96) / count;
    const r = <f64>load<f32>(statistics + bytes + (<usize>c << 2));
    const factor = -<f64>load<f32>(load<usize>(record + WEIGHTS) + base + (<usize>c << 2)) * r * r;
    store<f32>(to, <f32>(factor * (load<f64>(from + 128) / count - u * w - 3 * alongU * alongV)));
    store<f32>(to + 4 * CURVED, <f32>(factor * alongU));
    store<f32>(to + 8 * CURVED, <f32>(factor * alongV));
    store<f32>(to + 12 * CURVED, <f32>(-factor * (alongU * w + alongV * u)));
  }
  const out = load<usize>(record + OUT) + base;
  for (let k = 0; k < vectors; k++) {
    const c = <usize>k << 4;
    const mean = v128.load(statistics + c), r = v128.load(statistics + bytes + c);
    const own = factors + c;
    const a = v128.load(own), b = v128.load(own + 4 * CURVED);
    const s = v128.load(own + 8 * CURVED), t = v128.load(own + 12 * CURVED);
    for (let p = 0; p < pixels; p++) {
      const at = <usize>p * bytes + c;
      const hat = f32x4.mul(f32x4.sub(v128.load(x + at), mean), r);
      const rest = madd(v128.load(v + at), b, madd(v128.load(dy + at), s, t));
      v128.store(out + at, madd(hat, a, rest));
    }
  }
}

/** Adds up dy, v, dy xhat, v xhat and dy v of some pixels, four channels. */
function curvatureSums(
  x: usize, dy: usize, v: usize, bytes: usize, from: i32, to: i32, c: usize, statistics: usize, sums: usize,
): void {
  const mean = v128.load(statistics + c), r = v128.load(statistics + bytes + c);
  let u0 = f32x4.splat(0), v0 = u0, ux = u0, vx = u0, uv = u0;
  for (let p = from; p < to; p++) {
    const at = <usize>p * bytes + c;
    const hat = f32x4.mul(f32x4.sub(v128.load(x + at), mean), r);
    const g = v128.load(dy + at), w = v128.load(v + at);
    u0 = f32x4.add(u0, g);
    v0 = f32x4.add(v0, w);
    ux = madd(g, hat, ux);
    vx = madd(w, hat, vx);
    uv = madd(g, w, uv);
  }
  addLanes(sums, u0);
  addLanes(sums + 32, v0);
  addLanes(sums + 64, ux);
  addLanes(sums + 96, vx);
  addLanes(sums + 128, uv);
}

/** Adds four values to as many float64 ones. */
function addLanes(to: usize, value: v128): void {
  v128.store(to, f64x2.add(v128.load(to), f64x2.promote_low_f32x4(value)));
  const high = i8x16.shuffle(value, value, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  v128.store(to + 16, f64x2.add(v128.load(to + 16), f64x2.promote_low_f32x4(high)));
}
