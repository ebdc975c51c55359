import {
  CHANNELS0, CHANNELS1, COLUMNS, COLUMN_BLOCKS, KERNEL_SIZE, MODE, OUT, OUT_CHANNELS, OUT_HEIGHT, OUT_WIDTH,
  PAD, ROWS, ROW_BLOCKS, SCRATCH1, SOURCE0, WEIGHTS,
} from '../record';
import { finish, loadStrip, loadSums } from './ends';
import { gemm } from './gemm';

/**
 * A convolution as a matrix product: rows of the output, the taps of one kernel row next to each other in memory.
 * Panel by panel, so that a panel of weights is read once a task.
 */
export function convDirect(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0) + load<i32>(record + CHANNELS1);
  const size = load<i32>(record + KERNEL_SIZE);
  const pad = load<i32>(record + PAD);
  const outHeight = load<i32>(record + OUT_HEIGHT);
  const outWidth = load<i32>(record + OUT_WIDTH);
  const outChannels = load<i32>(record + OUT_CHANNELS);
  const columnBlocks = load<i32>(record + COLUMN_BLOCKS);
  const rowBlocks = load<i32>(record + ROW_BLOCKS);
  const rows = load<i32>(record + ROWS);
  const n = task / (columnBlocks * rowBlocks);
  const y0 = ((task / columnBlocks) % rowBlocks) * rows;
  const y1 = min(outHeight, y0 + rows);
  const from = (task % columnBlocks) * load<i32>(record + COLUMNS);
  const to = min(outChannels, from + load<i32>(record + COLUMNS));

  const width = outWidth + size - 1;
  const pixelBytes = <usize>channels << 2;
  const rowBytes = <usize>width * pixelBytes;
  loadStrip(record, n, y0 - pad, y1 - y0 + size - 1, -pad, width, scratch);

  const panel = (<usize>(size * size * channels)) << 5;
  const weights = load<usize>(record + WEIGHTS);
  const outPixel = (n * outHeight + y0) * outWidth;
  const ldc = <usize>outChannels << 2;
  const out = load<usize>(record + OUT) + <usize>outPixel * ldc;
  for (let c = from; c < to; c += 8) {
    const end = min(to, c + 8);
    if (size == 1)
      gemm(
        scratch, pixelBytes, (y1 - y0) * outWidth, weights, 32, panel, c, end, 1, channels, 0,
        out + (<usize>c << 2), ldc,
      );
    else
      for (let y = 0; y < y1 - y0; y++)
        gemm(
          scratch + <usize>y * rowBytes, pixelBytes, outWidth, weights, 32, panel, c, end, size, size * channels,
          rowBytes, out + <usize>(y * outWidth) * ldc + (<usize>c << 2), ldc,
        );
  }
  const sums = scratch + load<usize>(record + SCRATCH1);
  loadSums(record, n, from, to, sums);
  finish(record, outPixel, (y1 - y0) * outWidth, from, to, sums, false);
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
  finish(record, pixel, count, from, to, scratch, load<i32>(record + MODE) != 0);
}
