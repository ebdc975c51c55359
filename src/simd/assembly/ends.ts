import {
  ACTIVATION, AFFINE, BIAS, CHANNELS0, CHANNELS1, HEIGHT, OUT, OUT_CHANNELS, RELU, RELU6, RESIDUAL, SCALE, SILU, SOURCE0,
  SOURCE1, VECTOR, VECTOR_STRIDE, WIDTH,
} from '../record';
import { activate } from './activation';
import { madd, silu } from './vector';

/** What a step does as it reads: its rows, joined, normalised and activated, with zeros around, in scratch. */

/** One source's channels of `pixels` pixels: x * factor + offset, SiLU. */
function read(
  from: usize, fromStride: usize, to: usize, toStride: usize, pixels: i32, channels: i32,
  factors: usize, offsets: usize, activate: bool,
): void {
  const bytes = <usize>channels << 2;
  for (let p = 0; p < pixels; p++) {
    if (factors != 0 && activate)
      for (let c: usize = 0; c < bytes; c += 16)
        v128.store(to + c, silu(madd(v128.load(from + c), v128.load(factors + c), v128.load(offsets + c))));
    else if (factors != 0)
      for (let c: usize = 0; c < bytes; c += 16)
        v128.store(to + c, madd(v128.load(from + c), v128.load(factors + c), v128.load(offsets + c)));
    else if (activate) for (let c: usize = 0; c < bytes; c += 16) v128.store(to + c, silu(v128.load(from + c)));
    else memory.copy(to, from, bytes);
    from += fromStride;
    to += toStride;
  }
}

/** Rows `y0` .. and columns `x0` .. of image `n` as [rows, width, channels] at `to`; zeros outside of the map. */
export function loadStrip(record: usize, n: i32, y0: i32, rows: i32, x0: i32, width: i32, to: usize): void {
  const c0 = load<i32>(record + CHANNELS0);
  const c1 = load<i32>(record + CHANNELS1);
  const height = load<i32>(record + HEIGHT);
  const mapWidth = load<i32>(record + WIDTH);
  const pixelBytes = <usize>(c0 + c1) << 2;
  const affine = load<usize>(record + AFFINE);
  const factors = affine == 0 ? 0 : affine + <usize>n * 2 * pixelBytes;
  const activate = load<i32>(record + SILU) != 0;
  const left = max(0, -x0);
  const right = min(width, mapWidth - x0);
  for (let r = 0; r < rows; r++) {
    const y = y0 + r;
    const row = to + <usize>r * <usize>width * pixelBytes;
    if (y < 0 || y >= height || right <= left) {
      memory.fill(row, 0, <usize>width * pixelBytes);
      continue;
    }
    if (left > 0) memory.fill(row, 0, <usize>left * pixelBytes);
    if (right < width)
      memory.fill(row + <usize>right * pixelBytes, 0, <usize>(width - right) * pixelBytes);
    const pixel = <usize>((n * height + y) * mapWidth + x0 + left);
    const first = row + <usize>left * pixelBytes;
    const stride0 = <usize>c0 << 2;
    read(
      load<usize>(record + SOURCE0) + pixel * stride0, stride0, first, pixelBytes, right - left, c0,
      factors, factors + pixelBytes, activate,
    );
    if (c1 == 0) continue;
    const stride1 = <usize>c1 << 2;
    read(
      load<usize>(record + SOURCE1) + pixel * stride1, stride1, first + stride0, pixelBytes, right - left, c1,
      factors == 0 ? 0 : factors + stride0, factors + stride0 + pixelBytes, activate,
    );
  }
}

/** Bias plus vector of output channels `from` to `to`, into scratch at `sums`. */
export function loadSums(record: usize, n: i32, from: i32, to: i32, sums: usize): void {
  const bias = load<usize>(record + BIAS);
  const vector = load<usize>(record + VECTOR);
  const row = vector + <usize>n * load<usize>(record + VECTOR_STRIDE);
  for (let c = from; c < to; c += 4) {
    const at = <usize>c << 2;
    let sum = f32x4.splat(0);
    if (bias != 0) sum = v128.load(bias + at);
    if (vector != 0) sum = f32x4.add(sum, v128.load(row + at));
    v128.store(sums + (<usize>(c - from) << 2), sum);
  }
}

/**
 * What a step does as it writes, in place on `pixels` pixels from number `pixel` (counted over all images) of the
 * output, `step` apart, channels `from` to `to`.
 */
export function finish(record: usize, pixel: i32, step: i32, pixels: i32, from: i32, to: i32, sums: usize): void {
  const channels = load<i32>(record + OUT_CHANNELS);
  const residual = load<usize>(record + RESIDUAL);
  const factor = load<f32>(record + SCALE);
  const activation = load<i32>(record + ACTIVATION);
  const scale = f32x4.splat(factor);
  // The two that are bounds cost two instructions, not a call.
  const bounded = activation == RELU || activation == RELU6;
  const most = f32x4.splat(activation == RELU6 ? 6 : Infinity);
  const out = load<usize>(record + OUT);
  const bytes = <usize>(to - from) << 2;
  for (let p = 0; p < pixels; p++) {
    const at = <usize>((pixel + p * step) * channels + from) << 2;
    const row = out + at;
    const other = residual + at;
    for (let c: usize = 0; c < bytes; c += 16) {
      let y = f32x4.add(v128.load(row + c), v128.load(sums + c));
      if (residual != 0) y = f32x4.add(y, v128.load(other + c));
      y = f32x4.mul(y, scale);
      if (bounded) y = f32x4.min(f32x4.max(y, f32x4.splat(0)), most);
      else if (activation != 0) y = activate(y, activation);
      v128.store(row + c, y);
    }
  }
}
