import {
  ACCUMULATE, ACTIVATION, CHANNELS0, CHANNELS1, CHUNK, COUNT, GELU_ACTIVATION, GRADIENT, HEIGHT, OUT, OUT_CHANNELS, RESIDUAL, ROWS, SCALE,
  SOURCE0, VECTOR_GRADIENT_STRIDE,
} from '../record';
import { activate, slope } from './activation';
import { gelu, geluSlope } from './gelu';
import { madd } from './vector';

/** activation(x) * scale over a flat range. */
export function activateAll(record: usize, task: i32, scratch: usize): void {
  const first = <usize>(task * load<i32>(record + CHUNK)) << 2;
  const last = min(<usize>load<i32>(record + COUNT) << 2, first + (<usize>load<i32>(record + CHUNK) << 2));
  const source = load<usize>(record + SOURCE0);
  const out = load<usize>(record + OUT);
  const activation = load<i32>(record + ACTIVATION);
  const scale = v128.load32_splat(record + SCALE);
  for (let at = first; at < last; at += 16) {
    const x = v128.load(source + at);
    v128.store(out + at, f32x4.mul(activation == GELU_ACTIVATION ? gelu(x) : activate(x, activation), scale));
  }
}

/** slope * dy * scale + residual over a flat range. */
export function activationGradient(record: usize, task: i32, scratch: usize): void {
  const first = <usize>(task * load<i32>(record + CHUNK)) << 2;
  const last = min(<usize>load<i32>(record + COUNT) << 2, first + (<usize>load<i32>(record + CHUNK) << 2));
  const source = load<usize>(record + SOURCE0);
  const dy = load<usize>(record + GRADIENT);
  const residual = load<usize>(record + RESIDUAL);
  const out = load<usize>(record + OUT);
  const activation = load<i32>(record + ACTIVATION);
  const scale = v128.load32_splat(record + SCALE);
  for (let at = first; at < last; at += 16) {
    const x = v128.load(source + at);
    const g = f32x4.mul(v128.load(dy + at), activation == GELU_ACTIVATION ? geluSlope(x) : slope(x, activation));
    v128.store(out + at, madd(g, scale, residual == 0 ? f32x4.splat(0) : v128.load(residual + at)));
  }
}

/** Rows summed together before they are added to the others. */
const TOGETHER = 32;

/** Sums of the rows of one image, 16 channels. */
export function sumRows(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0);
  const rows = load<i32>(record + HEIGHT);
  const blocks = (channels + 15) >> 4;
  const n = task / blocks;
  const first = (task % blocks) << 4;
  const last = min(channels, first + 16);
  const stride = <usize>channels << 2;
  const image = load<usize>(record + SOURCE0) + <usize>(n * rows) * stride;
  const out = load<usize>(record + OUT) + <usize>n * load<usize>(record + VECTOR_GRADIENT_STRIDE);
  const scale = v128.load32_splat(record + SCALE);
  const accumulate = load<i32>(record + ACCUMULATE) != 0;
  for (let c = first; c < last; c += 4) {
    let from = image + (<usize>c << 2);
    let total = f32x4.splat(0);
    for (let r = 0; r < rows; r += TOGETHER) {
      let sum = f32x4.splat(0);
      const end = min(rows, r + TOGETHER);
      for (let i = r; i < end; i++) {
        sum = f32x4.add(sum, v128.load(from));
        from += stride;
      }
      total = f32x4.add(total, sum);
    }
    const to = out + (<usize>c << 2);
    v128.store(to, madd(total, scale, accumulate ? v128.load(to) : f32x4.splat(0)));
  }
}

/** Some channels of some pixels: (x + residual) * scale. */
export function slice(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + OUT_CHANNELS);
  const first = task * load<i32>(record + ROWS);
  const last = min(load<i32>(record + COUNT), first + load<i32>(record + ROWS));
  const stride = <usize>load<i32>(record + CHANNELS0) << 2;
  const bytes = <usize>channels << 2;
  const residual = load<usize>(record + RESIDUAL);
  const scale = v128.load32_splat(record + SCALE);
  let from = load<usize>(record + SOURCE0) + (<usize>load<i32>(record + CHANNELS1) << 2) + <usize>first * stride;
  let at = <usize>first * bytes;
  for (let p = first; p < last; p++) {
    for (let c: usize = 0; c < bytes; c += 16) {
      let x = v128.load(from + c);
      if (residual != 0) x = f32x4.add(x, v128.load(residual + at + c));
      v128.store(load<usize>(record + OUT) + at + c, f32x4.mul(x, scale));
    }
    from += stride;
    at += bytes;
  }
}
