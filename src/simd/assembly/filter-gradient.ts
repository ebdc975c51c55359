import {
  ACCUMULATE, AFFINE, CHANNELS0, CHANNELS1, CHUNK_IMAGES, CHUNK_ROWS, COLUMNS, COLUMN_BLOCKS, GRADIENT, HEIGHT, IMAGES,
  KERNEL_SIZE, OUT, OUT_CHANNELS, OUT_HEIGHT, OUT_WIDTH, PAD, ROWS, SCALE, SCRATCH1, SILU, SOURCE0, SOURCE1, STRIDE, WIDTH,
} from '../record';
import { tileTransposed } from './transposed';
import { madd, silu } from './vector';

/**
 * The gradient of a filter: for each tap the product x' dy over all pixels. A task owns some input and output channels of all
 * taps and goes through the pixels in chunks: what the taps see of x, with zeros around, is packed as panels of 4 channels, dy
 * as panels of 8, and each 4x8 tile of the gradient is summed in registers and added to the chunks before. So the order of a
 * sum is that of the chunks, whoever owns it.
 */
export function filterGradient(record: usize, task: i32, scratch: usize): void {
  const channels = load<i32>(record + CHANNELS0) + load<i32>(record + CHANNELS1);
  const blocks = load<i32>(record + COLUMN_BLOCKS);
  const first = (task / blocks) * load<i32>(record + ROWS);
  const last = min(channels, first + load<i32>(record + ROWS));
  const from = (task % blocks) * load<i32>(record + COLUMNS);
  const to = min(load<i32>(record + OUT_CHANNELS), from + load<i32>(record + COLUMNS));
  const images = load<i32>(record + IMAGES);
  const height = load<i32>(record + OUT_HEIGHT);
  const rows = load<i32>(record + CHUNK_ROWS);
  const imagesAtOnce = load<i32>(record + CHUNK_IMAGES);
  const gradient = scratch + load<usize>(record + SCRATCH1);
  let add = load<i32>(record + ACCUMULATE) != 0;
  for (let n = 0; n < images; n += imagesAtOnce)
    for (let y = 0; y < height; y += rows) {
      const together = min(imagesAtOnce, images - n);
      const lines = min(rows, height - y);
      packInput(record, n, together, y, lines, first, last, scratch);
      packGradient(record, n, together, y, lines, from, to, gradient);
      products(record, together, lines, first, last, from, to, scratch, gradient, add);
      add = true;
    }
}

/** What the taps of `lines` rows of dy see of channels `first` to `last`: panels [images, rows, columns, 4]. */
function packInput(
  record: usize, n: i32, images: i32, y: i32, lines: i32, first: i32, last: i32, scratch: usize,
): void {
  const size = load<i32>(record + KERNEL_SIZE);
  const stride = load<i32>(record + STRIDE);
  const pad = load<i32>(record + PAD);
  const height = load<i32>(record + HEIGHT);
  const width = load<i32>(record + WIDTH);
  const c0 = load<i32>(record + CHANNELS0);
  const c1 = load<i32>(record + CHANNELS1);
  const rows = (lines - 1) * stride + size;
  const columns = (load<i32>(record + OUT_WIDTH) - 1) * stride + size;
  const panel = <usize>(images * rows * columns) << 4;
  const left = max(0, pad);
  const right = min(columns, width + pad);
  let to = scratch;
  for (let i = n; i < n + images; i++)
    for (let r = 0; r < rows; r++) {
      const sy = y * stride - pad + r;
      const outside = sy < 0 || sy >= height || right <= left;
      const begin = outside ? columns : left;
      zeros(to, begin, panel, last - first);
      if (!outside) {
        const pixel = (i * height + sy) * width + left - pad;
        const at = to + (<usize>left << 4);
        const split = min(last, c0);
        packChannels(record, i, SOURCE0, c0, 0, pixel, right - left, first, split, at, panel);
        if (last > c0) {
          const begin1 = max(first, c0);
          const at1 = at + <usize>((begin1 - first) >> 2) * panel;
          packChannels(record, i, SOURCE1, c1, c0, pixel, right - left, begin1, last, at1, panel);
        }
        zeros(to + (<usize>right << 4), columns - right, panel, last - first);
      }
      to += <usize>columns << 4;
    }
}

/** Zeros in `count` columns of every panel. */
function zeros(to: usize, count: i32, panel: usize, channels: i32): void {
  if (count > 0) for (let c = 0; c < channels; c += 4) memory.fill(to + <usize>(c >> 2) * panel, 0, <usize>count << 4);
}

/** Channels `first` to `last` of a source whose own begin at `base`, through the prologue. */
function packChannels(
  record: usize, n: i32, source: usize, channels: i32, base: i32, pixel: i32, pixels: i32, first: i32, last: i32,
  to: usize, panel: usize,
): void {
  const affine = load<usize>(record + AFFINE);
  const all = <usize>(load<i32>(record + CHANNELS0) + load<i32>(record + CHANNELS1)) << 2;
  const factors = affine + <usize>(2 * n) * all;
  const activated = load<i32>(record + SILU) != 0;
  const stride = <usize>channels << 2;
  let from = load<usize>(record + source) + <usize>pixel * stride + (<usize>(first - base) << 2);
  for (let p = 0; p < pixels; p++) {
    let at = to;
    for (let c = first; c < last; c += 4) {
      let x = v128.load(from + (<usize>(c - first) << 2));
      const f = factors + (<usize>c << 2);
      if (affine != 0) x = madd(x, v128.load(f), v128.load(f + all));
      if (activated) x = silu(x);
      v128.store(at, x);
      at += panel;
    }
    from += stride;
    to += 16;
  }
}

/** Channels `from` to `to` of some rows of dy: panels [pixels, 8], zeros behind the last channel. */
function packGradient(
  record: usize, n: i32, images: i32, y: i32, lines: i32, from: i32, to: i32, out: usize,
): void {
  const channels = load<i32>(record + OUT_CHANNELS);
  const width = load<i32>(record + OUT_WIDTH);
  const pixels = lines * width;
  const panel = <usize>(images * pixels) << 5;
  const dy = load<usize>(record + GRADIENT);
  for (let i = 0; i < images; i++) {
    const pixel = ((n + i) * load<i32>(record + OUT_HEIGHT) + y) * width;
    let source = dy + (<usize>(pixel * channels + from) << 2);
    let target = out + (<usize>(i * pixels) << 5);
    for (let p = 0; p < pixels; p++) {
      let at = target;
      for (let c = from; c < to; c += 8) {
        const x = source + (<usize>(c - from) << 2);
        v128.store(at, v128.load(x));
        v128.store(at, c + 4 < to ? v128.load(x, 16) : f32x4.splat(0), 16);
        at += panel;
      }
      source += <usize>channels << 2;
      target += 32;
    }
  }
}

function products(
  record: usize, images: i32, lines: i32, first: i32, last: i32, from: i32, to: i32, input: usize, gradient: usize,
  add: bool,
): void {
  const channels = load<i32>(record + CHANNELS0) + load<i32>(record + CHANNELS1);
  const size = load<i32>(record + KERNEL_SIZE);
  const stride = load<i32>(record + STRIDE);
  const width = load<i32>(record + OUT_WIDTH);
  const scale = load<f32>(record + SCALE);
  const rows = (lines - 1) * stride + size;
  const columns = (width - 1) * stride + size;
  const inputPanel = <usize>(images * rows * columns) << 4;
  const gradientPanel = <usize>(images * lines * width) << 5;
  const outPanel = <usize>(size * size * channels) << 5;
  const step = <usize>stride << 4;
  const jump = <usize>((columns - width) * stride) << 4;
  const leap = <usize>((rows - lines * stride) * columns) << 4;
  for (let o = from; o < to; o += 8) {
    const b = gradient + <usize>((o - from) >> 3) * gradientPanel;
    const out = load<usize>(record + OUT) + <usize>(o >> 3) * outPanel;
    for (let c = first; c < last; c += 4) {
      const a = input + <usize>((c - first) >> 2) * inputPanel;
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j++)
          tileTransposed(
            a + (<usize>(i * columns + j) << 4), step, width, jump, lines, leap, images, b, 32,
            out + (<usize>((i * size + j) * channels + c) << 5), 32, 4, true, add, scale,
          );
    }
  }
}
