import {
  CHANNELS0, KERNEL_SIZE, OUT, OUT_CHANNELS, OUT_HEIGHT, OUT_WIDTH, PAD, ROWS, ROW_BLOCKS, SCRATCH1, STRIDE, WEIGHTS,
} from '../record';
import { finish, loadStrip, loadSums } from './ends';
import { madd } from './vector';

/**
 * Depthwise convolution and its input gradient, by one walk over the output: a row and every `spacing`-th pixel of it meet the
 * same taps. Forward all pixels do; in the gradient those of one residue of the stride, whose taps lie a stride apart and run
 * against the pixels. Zeros lie around what is read.
 */
export function depthwise(record: usize, task: i32, scratch: usize): void {
  const size = load<i32>(record + KERNEL_SIZE);
  const stride = load<i32>(record + STRIDE);
  const pad = load<i32>(record + PAD);
  const width = load<i32>(record + OUT_WIDTH);
  const height = load<i32>(record + OUT_HEIGHT);
  const rowBlocks = load<i32>(record + ROW_BLOCKS);
  const n = task / rowBlocks;
  const y0 = (task % rowBlocks) * load<i32>(record + ROWS);
  const rows = min(height - y0, load<i32>(record + ROWS));
  const columns = (width - 1) * stride + size;
  loadStrip(record, n, y0 * stride - pad, (rows - 1) * stride + size, -pad, columns, scratch);
  const bytes = <usize>load<i32>(record + CHANNELS0) << 2;
  const rowBytes = <usize>columns * bytes;
  for (let y = 0; y < rows; y++)
    line(
      record, scratch + <usize>(y * stride) * rowBytes, <usize>stride * bytes, rowBytes, bytes,
      load<usize>(record + WEIGHTS), <usize>size * bytes, bytes, size, size,
      (n * height + y0 + y) * width, 1, width, bytes,
    );
  end(record, n, y0, rows, scratch);
}

export function depthwiseGradient(record: usize, task: i32, scratch: usize): void {
  const size = load<i32>(record + KERNEL_SIZE);
  const stride = load<i32>(record + STRIDE);
  const pad = load<i32>(record + PAD);
  const width = load<i32>(record + OUT_WIDTH);
  const height = load<i32>(record + OUT_HEIGHT);
  const rowBlocks = load<i32>(record + ROW_BLOCKS);
  const n = task / rowBlocks;
  const y0 = (task % rowBlocks) * load<i32>(record + ROWS);
  const rows = min(height - y0, load<i32>(record + ROWS));
  // Tap i of row y reads row (y + pad - i) / stride of dy.
  const top = (y0 + pad - size + 1) >> (stride - 1);
  const left = (pad - size + 1) >> (stride - 1);
  const down = ((y0 + rows - 1 + pad) >> (stride - 1)) - top + 1;
  const columns = ((width - 1 + pad) >> (stride - 1)) - left + 1;
  loadStrip(record, n, top, down, left, columns, scratch);
  const bytes = <usize>load<i32>(record + CHANNELS0) << 2;
  const rowBytes = <usize>columns * bytes;
  const weights = load<usize>(record + WEIGHTS);
  for (let y = y0; y < y0 + rows; y++) {
    const i = (y + pad) % stride;
    const row = scratch + <usize>(((y + pad - i) >> (stride - 1)) - top) * rowBytes;
    for (let x = 0; x < stride; x++) {
      const j = (x + pad) % stride;
      line(
        record, row + <usize>(((x + pad - j) >> (stride - 1)) - left) * bytes, bytes, 0 - rowBytes, 0 - bytes,
        weights + <usize>(i * size + j) * bytes, <usize>(stride * size) * bytes, <usize>stride * bytes,
        (size - i + stride - 1) / stride, (size - j + stride - 1) / stride,
        (n * height + y) * width + x, stride, (width - x + stride - 1) / stride, bytes,
      );
    }
  }
  end(record, n, y0, rows, scratch);
}

function end(record: usize, n: i32, y0: i32, rows: i32, scratch: usize): void {
  const width = load<i32>(record + OUT_WIDTH);
  const channels = load<i32>(record + OUT_CHANNELS);
  const sums = scratch + load<usize>(record + SCRATCH1);
  loadSums(record, n, 0, channels, sums);
  finish(record, (n * load<i32>(record + OUT_HEIGHT) + y0) * width, 1, rows * width, 0, channels, sums);
}

/**
 * `count` pixels of a row, `spacing` apart in the output from number `pixel` on and `next` bytes apart in the strip. Taps lie
 * `row` and `column` bytes apart in the strip, `weightRow` and `weightColumn` in the filter. Four pixels share each weight.
 */
function line(
  record: usize, strip: usize, next: usize, row: usize, column: usize,
  weights: usize, weightRow: usize, weightColumn: usize, down: i32, across: i32,
  pixel: i32, spacing: i32, count: i32, bytes: usize,
): void {
  const step = <usize>spacing * bytes;
  let out = load<usize>(record + OUT) + <usize>pixel * bytes;
  let x = 0;
  for (; x + 4 <= count; x += 4) {
    for (let c: usize = 0; c < bytes; c += 16) {
      let s0 = f32x4.splat(0), s1 = f32x4.splat(0), s2 = f32x4.splat(0), s3 = f32x4.splat(0);
      for (let i = 0; i < down; i++) {
        let at = strip + c + <usize>i * row;
        let w = weights + c + <usize>i * weightRow;
        for (let j = 0; j < across; j++) {
          const tap = v128.load(w);
          s0 = madd(tap, v128.load(at), s0);
          s1 = madd(tap, v128.load(at + next), s1);
          s2 = madd(tap, v128.load(at + 2 * next), s2);
          s3 = madd(tap, v128.load(at + 3 * next), s3);
          at += column;
          w += weightColumn;
        }
      }
      v128.store(out + c, s0);
      v128.store(out + c + step, s1);
      v128.store(out + c + 2 * step, s2);
      v128.store(out + c + 3 * step, s3);
    }
    strip += 4 * next;
    out += 4 * step;
  }
  for (; x < count; x++) {
    for (let c: usize = 0; c < bytes; c += 16) {
      let sum = f32x4.splat(0);
      for (let i = 0; i < down; i++)
        for (let j = 0; j < across; j++)
          sum = madd(
            v128.load(weights + c + <usize>i * weightRow + <usize>j * weightColumn),
            v128.load(strip + c + <usize>i * row + <usize>j * column), sum,
          );
      v128.store(out + c, sum);
    }
    strip += next;
    out += step;
  }
}
