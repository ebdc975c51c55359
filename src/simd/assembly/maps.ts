import {
  KERNEL_SIZE, MODE, OUT, OUT_CHANNELS, OUT_HEIGHT, OUT_WIDTH, PAD, ROWS, ROW_BLOCKS, SCRATCH1,
  WEIGHTS,
} from '../record';
import { finish, loadStrip, loadSums } from './ends';
import { madd } from './vector';

/** Element by element: joins, normalises, adds. */
export function pointwise(record: usize, task: i32, scratch: usize): void {
  const height = load<i32>(record + OUT_HEIGHT);
  const width = load<i32>(record + OUT_WIDTH);
  const channels = load<i32>(record + OUT_CHANNELS);
  const rowBlocks = load<i32>(record + ROW_BLOCKS);
  const n = task / rowBlocks;
  const y0 = (task % rowBlocks) * load<i32>(record + ROWS);
  const rows = min(height - y0, load<i32>(record + ROWS));
  const pixel = (n * height + y0) * width;
  const out = load<usize>(record + OUT) + (<usize>(pixel * channels) << 2);
  loadStrip(record, n, y0, rows, 0, width, out);
  loadSums(record, n, 0, channels, scratch);
  finish(record, pixel, 1, rows * width, 0, channels, scratch);
}

/** Separable filter: down with stride 2, or up over zeros between the pixels; taps carry the gain. */
export function resample(record: usize, task: i32, scratch: usize): void {
  const taps = load<i32>(record + KERNEL_SIZE);
  const before = load<i32>(record + PAD);
  const up = load<i32>(record + MODE) != 0;
  const height = load<i32>(record + OUT_HEIGHT);
  const width = load<i32>(record + OUT_WIDTH);
  const channels = load<i32>(record + OUT_CHANNELS);
  const rowBlocks = load<i32>(record + ROW_BLOCKS);
  const n = task / rowBlocks;
  const y0 = (task % rowBlocks) * load<i32>(record + ROWS);
  const rows = min(height - y0, load<i32>(record + ROWS));

  const firstRow = start(up, y0, before);
  const firstColumn = start(up, 0, before);
  const stripRows = end(up, y0 + rows - 1, before, taps) - firstRow;
  const stripWidth = end(up, width - 1, before, taps) - firstColumn;
  loadStrip(record, n, firstRow, stripRows, firstColumn, stripWidth, scratch);

  const bytes = <usize>channels << 2;
  const weights = load<usize>(record + WEIGHTS);
  const out = load<usize>(record + OUT);
  const step = up ? 2 : 1;
  for (let y = y0; y < y0 + rows; y++) {
    const i0 = up ? 2 * start(true, y, before) - (y - before) : 0;
    const sy = start(up, y, before) - firstRow;
    for (let x = 0; x < width; x++) {
      const j0 = up ? 2 * start(true, x, before) - (x - before) : 0;
      const from = scratch + <usize>(sy * stripWidth + start(up, x, before) - firstColumn) * bytes;
      const to = out + <usize>((n * height + y) * width + x) * bytes;
      for (let c: usize = 0; c < bytes; c += 16) {
        let sum = f32x4.splat(0);
        let row = from + c;
        for (let i = i0; i < taps; i += step) {
          const down = load<f32>(weights + (<usize>i << 2));
          let at = row;
          for (let j = j0; j < taps; j += step) {
            sum = madd(f32x4.splat(down * load<f32>(weights + (<usize>j << 2))), v128.load(at), sum);
            at += bytes;
          }
          row += <usize>stripWidth * bytes;
        }
        v128.store(to + c, sum);
      }
    }
  }
  const sums = scratch + load<usize>(record + SCRATCH1);
  loadSums(record, n, 0, channels, sums);
  finish(record, (n * height + y0) * width, 1, rows * width, 0, channels, sums);
}

/** First source row under output row `o`. */
// @ts-ignore: decorator
@inline
function start(up: bool, o: i32, before: i32): i32 {
  return up ? (o - before + 1) >> 1 : 2 * o - before;
}

/** One after the last. */
// @ts-ignore: decorator
@inline
function end(up: bool, o: i32, before: i32, taps: i32): i32 {
  return (up ? (o - before + taps - 1) >> 1 : 2 * o - before + taps - 1) + 1;
}
