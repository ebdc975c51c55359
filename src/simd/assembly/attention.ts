import { HEADS, KEYS, OUT, OUT_CHANNELS, OUT_WIDTH, ROWS, ROW_BLOCKS, SCALE, SCRATCH1, SOURCE0 } from '../record';
import { gemm } from './gemm';
import { exp, lanes } from './vector';

/**
 * Self-attention. The map holds q, k and v of all heads one after the other: [N, pixels, 3 C]. Keys are packed
 * into panels [N, heads, pixels / 8, C / heads, 8] first, already divided by the square root of their width.
 */
export function attentionKeys(record: usize, task: i32, scratch: usize): void {
  const heads = load<i32>(record + HEADS);
  const pixels = load<i32>(record + OUT_WIDTH);
  const channels = load<i32>(record + OUT_CHANNELS);
  const factor = load<f32>(record + SCALE);
  const width = channels / heads;
  const n = task / heads;
  const stride = <usize>channels * 12;
  const from = load<usize>(record + SOURCE0) + <usize>(n * pixels) * stride +
    (<usize>(channels + (task % heads) * width) << 2);
  const stored = (pixels + 7) & ~7;
  packRows(from, stride, pixels, width, factor, load<usize>(record + KEYS) + (<usize>(task * stored * width) << 2));
}

/** The transpose of [pixels, width], scaled, in panels [pixels / 8, width, 8] with zeros behind the last pixel. */
export function packRows(from: usize, stride: usize, pixels: i32, width: i32, factor: f32, to: usize): void {
  const stored = (pixels + 7) & ~7;
  for (let p = 0; p < stored; p++) {
    const panel = to + (<usize>((p >> 3) * width * 8 + (p & 7)) << 2);
    const row = from + <usize>p * stride;
    for (let c = 0; c < width; c++)
      store<f32>(panel + (<usize>c << 5), p < pixels ? load<f32>(row + (<usize>c << 2)) * factor : 0);
  }
}

/** Some queries of one head: scores, softmax, mix. Scratch: scores [queries, pixels]. */
export function attention(record: usize, task: i32, scratch: usize): void {
  const heads = load<i32>(record + HEADS);
  const pixels = load<i32>(record + OUT_WIDTH);
  const channels = load<i32>(record + OUT_CHANNELS);
  const rowBlocks = load<i32>(record + ROW_BLOCKS);
  const width = channels / heads;
  const first = (task % rowBlocks) * load<i32>(record + ROWS);
  const count = min(pixels - first, load<i32>(record + ROWS));
  const head = (task / rowBlocks) % heads;
  const n = task / (rowBlocks * heads);
  const stride = <usize>channels * 12;
  const image = load<usize>(record + SOURCE0) + <usize>(n * pixels) * stride + (<usize>(head * width) << 2);
  const stored = (pixels + 7) & ~7;
  const keys = load<usize>(record + KEYS) + (<usize>((n * heads + head) * stored * width) << 2);
  const rowBytes = <usize>stored << 2;
  gemm(image + <usize>first * stride, stride, count, keys, 32, <usize>width << 5, 0, stored, 1, width, 0, scratch, rowBytes);

  const out = load<usize>(record + OUT) + (<usize>((n * pixels + first) * channels + head * width) << 2);
  const ldc = <usize>channels << 2;
  const sums = scratch + load<usize>(record + SCRATCH1);
  for (let r = 0; r < count; r++)
    store<f32>(sums + (<usize>r << 2), softmax(scratch + <usize>r * rowBytes, pixels, stored));
  const values = image + (<usize>channels << 3);
  gemm(scratch, rowBytes, count, values, stride, 32, 0, width, 1, pixels, 0, out, ldc);
  for (let r = 0; r < count; r++) {
    const inverse = f32x4.splat(<f32>1 / load<f32>(sums + (<usize>r << 2)));
    const row = out + <usize>r * ldc;
    for (let c: usize = 0; c < <usize>width << 2; c += 16) v128.store(row + c, f32x4.mul(v128.load(row + c), inverse));
  }
}

/** Scores become exponentials of their distance to the largest; returns their sum. */
export function softmax(row: usize, pixels: i32, stored: i32): f32 {
  // The padding behind the last pixel must not win, nor count.
  for (let p = pixels; p < stored; p++) store<f32>(row + (<usize>p << 2), -Infinity);
  const bytes = <usize>stored << 2;
  let most = f32x4.splat(-Infinity);
  for (let c: usize = 0; c < bytes; c += 16) most = f32x4.max(most, v128.load(row + c));
  const largest = f32x4.splat(
    max(
      max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
      max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
    ),
  );
  let sum = f32x4.splat(0);
  for (let c: usize = 0; c < bytes; c += 16) {
    const e = exp(f32x4.sub(v128.load(row + c), largest));
    v128.store(row + c, e);
    sum = f32x4.add(sum, e);
  }
  return lanes(sum);
}
