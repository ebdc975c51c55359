import { GRADIENT, HEADS, OUT, OUT_CHANNELS, OUT_WIDTH, ROWS, SCALE, SCRATCH1, SCRATCH2, SOURCE0 } from '../record';
import { packRows, softmax } from './attention';
import { gemm } from './gemm';
import { tileTransposed } from './transposed';
import { lanes, madd } from './vector';

/**
 * The gradient of one head of one image. With A = softmax(q k' / sqrt(width)) and dA = dy v':
 *
 *   dv = A' dy,   dS = A (dA - rowsum(A dA)) / sqrt(width),   dq = dS k,   dk = dS' q
 *
 * Some queries at a time; scratch: packed keys and values, A and dS of those queries [queries, pixels].
 */
export function attentionGradient(record: usize, task: i32, scratch: usize): void {
  const heads = load<i32>(record + HEADS);
  const pixels = load<i32>(record + OUT_WIDTH);
  const channels = load<i32>(record + OUT_CHANNELS);
  const factor = load<f32>(record + SCALE);
  const queries = load<i32>(record + ROWS);
  const width = channels / heads;
  const n = task / heads;
  const own = <usize>channels << 2;
  const stride = 3 * own;
  const head = <usize>((task % heads) * width) << 2;
  const q = load<usize>(record + SOURCE0) + <usize>(n * pixels) * stride + head;
  const dq = load<usize>(record + OUT) + <usize>(n * pixels) * stride + head;
  const gradient = load<usize>(record + GRADIENT) + <usize>(n * pixels) * own + head;
  const stored = (pixels + 7) & ~7;
  const values = scratch + load<usize>(record + SCRATCH1);
  const mix = scratch + load<usize>(record + SCRATCH2);
  const rowBytes = <usize>stored << 2;
  const slopes = mix + <usize>queries * rowBytes;
  packRows(q + own, stride, pixels, width, factor, scratch);
  packRows(q + 2 * own, stride, pixels, width, 1, values);
  const panel = <usize>width << 5;
  for (let first = 0; first < pixels; first += queries) {
    const count = min(queries, pixels - first);
    const some = q + <usize>first * stride;
    const dy = gradient + <usize>first * own;
    gemm(some, stride, count, scratch, 32, panel, 0, stored, 1, width, 0, mix, rowBytes);
    gemm(dy, own, count, values, 32, panel, 0, stored, 1, width, 0, slopes, rowBytes);
    for (let r = 0; r < count; r++)
      softmaxGradient(mix + <usize>r * rowBytes, slopes + <usize>r * rowBytes, pixels, stored, factor);
    gemm(slopes, rowBytes, count, q + own, stride, 32, 0, width, 1, pixels, 0, dq + <usize>first * stride, stride);
    mixed(mix, rowBytes, count, pixels, width, dy, own, dq + 2 * own, stride, first > 0);
    mixed(slopes, rowBytes, count, pixels, width, some, stride, dq + own, stride, first > 0);
  }
}

/** A row of scores becomes probabilities, and that of dA the gradient of the products of queries and keys. */
function softmaxGradient(row: usize, slopes: usize, pixels: i32, stored: i32, factor: f32): void {
  const inverse = f32x4.splat(<f32>1 / softmax(row, pixels, stored));
  const bytes = <usize>stored << 2;
  let sum = f32x4.splat(0);
  for (let c: usize = 0; c < bytes; c += 16) {
    const a = f32x4.mul(v128.load(row + c), inverse);
    v128.store(row + c, a);
    sum = madd(a, v128.load(slopes + c), sum);
  }
  const mean = f32x4.splat(lanes(sum));
  const scale = f32x4.splat(factor);
  for (let c: usize = 0; c < bytes; c += 16) {
    const a = f32x4.mul(v128.load(row + c), scale);
    v128.store(slopes + c, f32x4.mul(a, f32x4.sub(v128.load(slopes + c), mean)));
  }
}

/** Adds a' b of some queries to `out` [pixels, width]; replaces it for the first ones. */
function mixed(
  a: usize, rowBytes: usize, queries: i32, pixels: i32, width: i32, b: usize, ldb: usize, out: usize, ldc: usize,
  add: bool,
): void {
  for (let p = 0; p < pixels; p += 4)
    for (let c = 0; c < width; c += 8)
      tileTransposed(
        a + (<usize>p << 2), rowBytes, queries, 0, 1, 0, 1, b + (<usize>c << 2), ldb,
        out + <usize>p * ldc + (<usize>c << 2), ldc, min(4, pixels - p), width - c >= 8, add, 1,
      );
}

/**
 * How one head's result moves as q, k and v move along dq, dk and dv. With A = softmax(q k' / sqrt(width)):
 *
 *   dS = (dq k' + q dk') / sqrt(width),   dA = A (dS - rowsum(A dS)),   dA v + A dv
 *
 * Some queries at a time; scratch: packed k and dk, then A, dA and part of dS of those queries, and A dv.
 */
export function attentionTangent(record: usize, task: i32, scratch: usize): void {
  const heads = load<i32>(record + HEADS);
  const pixels = load<i32>(record + OUT_WIDTH);
  const channels = load<i32>(record + OUT_CHANNELS);
  const factor = load<f32>(record + SCALE);
  const queries = load<i32>(record + ROWS);
  const width = channels / heads;
  const n = task / heads;
  const own = <usize>channels << 2;
  const stride = 3 * own;
  const head = <usize>((task % heads) * width) << 2;
  const from = <usize>(n * pixels) * stride + head;
  const q = load<usize>(record + SOURCE0) + from;
  const dq = load<usize>(record + GRADIENT) + from;
  const out = load<usize>(record + OUT) + <usize>(n * pixels) * own + head;
  const stored = (pixels + 7) & ~7;
  const rowBytes = <usize>stored << 2;
  const moved = scratch + load<usize>(record + SCRATCH1);
  const mix = scratch + load<usize>(record + SCRATCH2);
  const slopes = mix + <usize>queries * rowBytes;
  const others = slopes + <usize>queries * rowBytes;
  const added = others + <usize>queries * rowBytes;
  packRows(q + own, stride, pixels, width, factor, scratch);
  packRows(dq + own, stride, pixels, width, factor, moved);
  const panel = <usize>width << 5;
  const line = <usize>width << 2;
  for (let first = 0; first < pixels; first += queries) {
    const count = min(queries, pixels - first);
    const skip = <usize>first * stride;
    gemm(q + skip, stride, count, scratch, 32, panel, 0, stored, 1, width, 0, mix, rowBytes);
    gemm(dq + skip, stride, count, scratch, 32, panel, 0, stored, 1, width, 0, slopes, rowBytes);
    gemm(q + skip, stride, count, moved, 32, panel, 0, stored, 1, width, 0, others, rowBytes);
    for (let r = 0; r < count; r++) {
      const row = <usize>r * rowBytes;
      for (let c: usize = 0; c < rowBytes; c += 16)
        v128.store(slopes + row + c, f32x4.add(v128.load(slopes + row + c), v128.load(others + row + c)));
      softmaxGradient(mix + row, slopes + row, pixels, stored, 1);
    }
    const to = out + <usize>first * own;
    gemm(slopes, rowBytes, count, q + 2 * own, stride, 32, 0, width, 1, pixels, 0, to, own);
    gemm(mix, rowBytes, count, dq + 2 * own, stride, 32, 0, width, 1, pixels, 0, added, line);
    for (let r = 0; r < count; r++)
      for (let c: usize = 0; c < line; c += 16) {
        const at = to + <usize>r * own + c;
        v128.store(at, f32x4.add(v128.load(at), v128.load(added + <usize>r * line + c)));
      }
  }
}
