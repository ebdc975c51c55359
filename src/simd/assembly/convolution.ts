import {
  CHANNELS0, CHANNELS1, COLUMNS, COLUMN_BLOCKS, GRID_HEIGHT, GRID_WIDTH, KERNEL_SIZE, KERNEL_WIDTH, OUT, OUT_CHANNELS,
  OUT_HEIGHT, OUT_LEFT, OUT_STEP, OUT_TOP, OUT_WIDTH, PAD, PAD_LEFT, ROWS, ROW_BLOCKS, SCRATCH1, SOURCE0, STRIDE, WEIGHTS,
} from '../record';
import { finish, loadStrip, loadSums } from './ends';
import { gemm } from './gemm';

/**
 * A convolution as a matrix product: rows of the output, the taps of one kernel row next to each other in memory.
 * Panel by panel, so that a panel of weights is read once a task.
 */
export function convDirect(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0) + load<i32>(record + CHANNELS1);
  const down = load<i32>(record + KERNEL_SIZE);
  const across = load<i32>(record + KERNEL_WIDTH);
  const stride = load<i32>(record + STRIDE);
  const outWidth = load<i32>(record + OUT_WIDTH);
  const outChannels = load<i32>(record + OUT_CHANNELS);
  const columnBlocks = load<i32>(record + COLUMN_BLOCKS);
  const rowBlocks = load<i32>(record + ROW_BLOCKS);
  const rows = load<i32>(record + ROWS);
  const n = task / (columnBlocks * rowBlocks);
  const y0 = ((task / columnBlocks) % rowBlocks) * rows;
  const y1 = min(load<i32>(record + OUT_HEIGHT), y0 + rows);
  const from = (task % columnBlocks) * load<i32>(record + COLUMNS);
  const to = min(outChannels, from + load<i32>(record + COLUMNS));

  const width = (outWidth - 1) * stride + across;
  const pixelBytes = <usize>channels << 2;
  const rowBytes = <usize>width * pixelBytes;
  const top = y0 * stride - load<i32>(record + PAD);
  loadStrip(record, n, top, (y1 - y0 - 1) * stride + down, -load<i32>(record + PAD_LEFT), width, scratch);

  const panel = (<usize>(down * across * channels)) << 5;
  const weights = load<usize>(record + WEIGHTS);
  const step = load<i32>(record + OUT_STEP);
  const gridWidth = load<i32>(record + GRID_WIDTH);
  const firstRow = n * load<i32>(record + GRID_HEIGHT) + load<i32>(record + OUT_TOP) + y0 * step;
  const firstPixel = firstRow * gridWidth + load<i32>(record + OUT_LEFT);
  const rowPixels = step * gridWidth;
  const ldc = <usize>outChannels << 2;
  const out = load<usize>(record + OUT) + <usize>firstPixel * ldc;
  // A kernel of one pixel that skips none takes all rows as one.
  const whole = down * across * stride * step == 1;
  const lines = whole ? 1 : y1 - y0;
  const pixels = whole ? (y1 - y0) * outWidth : outWidth;
  for (let c = from; c < to; c += 8)
    for (let y = 0; y < lines; y++)
      gemm(
        scratch + <usize>(y * stride) * rowBytes, <usize>stride * pixelBytes, pixels, weights, 32, panel, c,
        min(to, c + 8), down, across * channels, rowBytes,
        out + <usize>(y * rowPixels) * ldc + (<usize>c << 2), <usize>step * ldc,
      );
  const sums = scratch + load<usize>(record + SCRATCH1);
  loadSums(record, n, from, to, sums);
  for (let y = 0; y < lines; y++) finish(record, firstPixel + y * rowPixels, step, pixels, from, to, sums);
}

/**
 * Rows times weights without a prologue: convolutions 1x1 and linear layers. Rows are the pixels of a map's image,
 * or the images of a batch of vectors (then there is one "image").
 */
export function matrix(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0);
  const outChannels = load<i32>(record + OUT_CHANNELS);
  const pixels = load<i32>(record + OUT_WIDTH);
  const columnBlocks = load<i32>(record + COLUMN_BLOCKS);
  const rowBlocks = load<i32>(record + ROW_BLOCKS);
  const rows = load<i32>(record + ROWS);
  const n = task / (columnBlocks * rowBlocks);
  const first = ((task / columnBlocks) % rowBlocks) * rows;
  const count = min(pixels - first, rows);
  const from = (task % columnBlocks) * load<i32>(record + COLUMNS);
  const to = min(outChannels, from + load<i32>(record + COLUMNS));

  const pixel = n * pixels + first;
  const lda = <usize>channels << 2;
  const ldc = <usize>outChannels << 2;
  gemm(
    load<usize>(record + SOURCE0) + <usize>pixel * lda, lda, count,
    load<usize>(record + WEIGHTS), 32, <usize>channels << 5, from, to, 1, channels, 0,
    load<usize>(record + OUT) + <usize>pixel * ldc + (<usize>from << 2), ldc,
  );
  loadSums(record, n, from, to, scratch);
  finish(record, pixel, 1, count, from, to, scratch);
}
