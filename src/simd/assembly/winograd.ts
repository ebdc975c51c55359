import {
  ACTIVATION, CHANNELS0, CHANNELS1, COLUMNS, COLUMN_BLOCKS, MODE, OUT, OUT_CHANNELS, OUT_HEIGHT, OUT_WIDTH, PAD, RESIDUAL, ROWS,
  ROW_BLOCKS, SCALE, SCRATCH1, SCRATCH2, WEIGHTS, WINOGRAD_COLUMNS,
} from '../record';
import { activate } from './activation';
import { loadStrip, loadSums } from './ends';
import { gemm } from './gemm';
import { madd } from './vector';

/**
 * 3x3 convolution by Winograd's F(m x m, 3x3), m = 2 or 4 (Lavin and Gray 2016): a task takes some rows of tiles
 * through prologue, input transform, (m + 2)^2 matrix products and output transform with the epilogue, all in its
 * thread's scratch: the strip of input, transformed tiles V [(m+2)^2, tiles, channels], products [.., tiles, 32].
 */
export function convWinograd(record: usize, task: i32, scratch: usize): void {
  const m = load<i32>(record + MODE);
  const channels = load<i32>(record + CHANNELS0) + load<i32>(record + CHANNELS1);
  const pad = load<i32>(record + PAD);
  const outHeight = load<i32>(record + OUT_HEIGHT);
  const outWidth = load<i32>(record + OUT_WIDTH);
  const outChannels = load<i32>(record + OUT_CHANNELS);
  const columnBlocks = load<i32>(record + COLUMN_BLOCKS);
  const rowBlocks = load<i32>(record + ROW_BLOCKS);
  const rows = load<i32>(record + ROWS);
  const n = task / (columnBlocks * rowBlocks);
  const r0 = ((task / columnBlocks) % rowBlocks) * rows;
  const tileRows = min(rows, (outHeight + m - 1) / m - r0);
  const tileColumns = (outWidth + m - 1) / m;
  const from = (task % columnBlocks) * load<i32>(record + COLUMNS);
  const to = min(outChannels, from + load<i32>(record + COLUMNS));

  const width = tileColumns * m + 2;
  loadStrip(record, n, r0 * m - pad, tileRows * m + 2, -pad, width, scratch);

  const tiles = tileRows * tileColumns;
  const stored = (tiles + 3) & ~3;
  const v = scratch + load<usize>(record + SCRATCH1);
  const pixelBytes = <usize>channels << 2;
  const plane = <usize>stored * pixelBytes;
  for (let r = 0; r < tileRows; r++)
    for (let t = 0; t < tileColumns; t++) {
      const at = scratch + <usize>(r * m * width + t * m) * pixelBytes;
      const to = v + <usize>(r * tileColumns + t) * pixelBytes;
      if (m == 2) inputTile2(at, pixelBytes, <usize>width * pixelBytes, to, plane);
      else inputTile4(at, pixelBytes, <usize>width * pixelBytes, to, plane);
    }

  const products = scratch + load<usize>(record + SCRATCH2);
  const frequencies = (m + 2) * (m + 2);
  const sums = products + <usize>(frequencies * stored * WINOGRAD_COLUMNS * 4);
  loadSums(record, n, from, to, sums);
  const panel = pixelBytes << 3;
  const matrixBytes = panel * <usize>((outChannels + 7) >> 3);
  const weights = load<usize>(record + WEIGHTS);
  const productPlane = <usize>(stored * WINOGRAD_COLUMNS * 4);
  for (let c = from; c < to; c += WINOGRAD_COLUMNS) {
    const end = min(to, c + WINOGRAD_COLUMNS);
    for (let f = 0; f < frequencies; f++)
      gemm(
        v + <usize>f * plane, pixelBytes, stored, weights + <usize>f * matrixBytes, 32, panel, c, end, 1, channels, 0,
        products + <usize>f * productPlane, WINOGRAD_COLUMNS * 4,
      );
    for (let r = 0; r < tileRows; r++)
      for (let t = 0; t < tileColumns; t++) {
        const tile = products + <usize>((r * tileColumns + t) * WINOGRAD_COLUMNS * 4);
        const y = (r0 + r) * m;
        const x = t * m;
        const across = min(m, outWidth - x);
        const down = min(m, outHeight - y);
        const pixel = <usize>((n * outHeight + y) * outWidth + x);
        const at = (pixel * <usize>outChannels + <usize>c) << 2;
        for (let k: usize = 0; k < <usize>(end - c) << 2; k += 16) {
          const sum = v128.load(sums + (<usize>(c - from) << 2) + k);
          if (m == 2) outputTile2(record, tile + k, productPlane, at + k, sum, across, down);
          else outputTile4(record, tile + k, productPlane, at + k, sum, across, down);
        }
      }
  }
}

function inputTile2(at: usize, pixel: usize, row: usize, v: usize, plane: usize): void {
  for (let c: usize = 0; c < pixel; c += 16) {
    const from = at + c;
    let p = from;
    let a0 = v128.load(p), a1 = v128.load(p + pixel), a2 = v128.load(p + 2 * pixel), a3 = v128.load(p + 3 * pixel);
    p += row;
    let b0 = v128.load(p), b1 = v128.load(p + pixel), b2 = v128.load(p + 2 * pixel), b3 = v128.load(p + 3 * pixel);
    p += row;
    let c0 = v128.load(p), c1 = v128.load(p + pixel), c2 = v128.load(p + 2 * pixel), c3 = v128.load(p + 3 * pixel);
    p += row;
    let d0 = v128.load(p), d1 = v128.load(p + pixel), d2 = v128.load(p + 2 * pixel), d3 = v128.load(p + 3 * pixel);
    let to = v + c;
    to = store2(to, plane, f32x4.sub(a0, c0), f32x4.sub(a1, c1), f32x4.sub(a2, c2), f32x4.sub(a3, c3));
    to = store2(to, plane, f32x4.add(b0, c0), f32x4.add(b1, c1), f32x4.add(b2, c2), f32x4.add(b3, c3));
    to = store2(to, plane, f32x4.sub(c0, b0), f32x4.sub(c1, b1), f32x4.sub(c2, b2), f32x4.sub(c3, b3));
    store2(to, plane, f32x4.sub(b0, d0), f32x4.sub(b1, d1), f32x4.sub(b2, d2), f32x4.sub(b3, d3));
  }
}

// @ts-ignore: decorator
@inline
function store2(to: usize, plane: usize, x0: v128, x1: v128, x2: v128, x3: v128): usize {
  v128.store(to, f32x4.sub(x0, x2));
  v128.store(to + plane, f32x4.add(x1, x2));
  v128.store(to + 2 * plane, f32x4.sub(x2, x1));
  v128.store(to + 3 * plane, f32x4.sub(x1, x3));
  return to + 4 * plane;
}

/** Columns first, in place of V; then the rows of what is there. */
function inputTile4(at: usize, pixel: usize, row: usize, v: usize, plane: usize): void {
  for (let c: usize = 0; c < pixel; c += 16) {
    for (let j: usize = 0; j < 6; j++) {
      const p = at + c + j * pixel;
      transform6(
        v + c + j * plane, 6 * plane,
        v128.load(p), v128.load(p + row), v128.load(p + 2 * row), v128.load(p + 3 * row), v128.load(p + 4 * row),
        v128.load(p + 5 * row),
      );
    }
    for (let i: usize = 0; i < 6; i++) {
      const p = v + c + i * 6 * plane;
      transform6(
        p, plane,
        v128.load(p), v128.load(p + plane), v128.load(p + 2 * plane), v128.load(p + 3 * plane),
        v128.load(p + 4 * plane), v128.load(p + 5 * plane),
      );
    }
  }
}

/** B' d of F(4, 3), at points 0, 1, -1, 2, -2 and infinity. */
// @ts-ignore: decorator
@inline
function transform6(to: usize, stride: usize, d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128): void {
  const four = f32x4.splat(4), minusFour = f32x4.splat(-4), minusFive = f32x4.splat(-5);
  v128.store(to, madd(d0, four, madd(d2, minusFive, d4)));
  const even = madd(d2, minusFour, d4);
  const odd = madd(d1, minusFour, d3);
  v128.store(to + stride, f32x4.add(even, odd));
  v128.store(to + 2 * stride, f32x4.sub(even, odd));
  const outer = f32x4.sub(d4, d2);
  let twice = f32x4.sub(d3, d1);
  twice = f32x4.add(twice, twice);
  v128.store(to + 3 * stride, f32x4.add(outer, twice));
  v128.store(to + 4 * stride, f32x4.sub(outer, twice));
  v128.store(to + 5 * stride, madd(d1, four, madd(d3, minusFive, d5)));
}

function outputTile2(
  record: usize, tile: usize, plane: usize, at: usize, sum: v128, across: i32, down: i32,
): void {
  const row = 4 * plane;
  const m0 = v128.load(tile), m1 = v128.load(tile + plane), m2 = v128.load(tile + 2 * plane),
    m3 = v128.load(tile + 3 * plane);
  const n0 = v128.load(tile + row), n1 = v128.load(tile + row + plane), n2 = v128.load(tile + row + 2 * plane),
    n3 = v128.load(tile + row + 3 * plane);
  const o = tile + 2 * row;
  const o0 = v128.load(o), o1 = v128.load(o + plane), o2 = v128.load(o + 2 * plane), o3 = v128.load(o + 3 * plane);
  const q = o + row;
  const q0 = v128.load(q), q1 = v128.load(q + plane), q2 = v128.load(q + 2 * plane), q3 = v128.load(q + 3 * plane);
  row2(record, at, sum, across, add3(m0, n0, o0), add3(m1, n1, o1), add3(m2, n2, o2), add3(m3, n3, o3));
  if (down < 2) return;
  const next = at + <usize>(load<i32>(record + OUT_WIDTH) * load<i32>(record + OUT_CHANNELS) * 4);
  row2(record, next, sum, across, sub3(n0, o0, q0), sub3(n1, o1, q1), sub3(n2, o2, q2), sub3(n3, o3, q3));
}

// @ts-ignore: decorator
@inline
function add3(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(f32x4.add(a, b), c);
}

// @ts-ignore: decorator
@inline
function sub3(a: v128, b: v128, c: v128): v128 {
  return f32x4.sub(f32x4.sub(a, b), c);
}

// @ts-ignore: decorator
@inline
function row2(record: usize, at: usize, sum: v128, across: i32, x0: v128, x1: v128, x2: v128, x3: v128): void {
  write(record, at, sum, add3(x0, x1, x2));
  if (across > 1) write(record, at + <usize>(load<i32>(record + OUT_CHANNELS) * 4), sum, sub3(x1, x2, x3));
}

/** The epilogue of one pixel's four channels. */
// @ts-ignore: decorator
@inline
function write(record: usize, at: usize, sum: v128, value: v128): void {
  const residual = load<usize>(record + RESIDUAL);
  let y = f32x4.add(value, sum);
  if (residual != 0) y = f32x4.add(y, v128.load(residual + at));
  y = f32x4.mul(y, v128.load32_splat(record + SCALE));
  const activation = load<i32>(record + ACTIVATION);
  if (activation != 0) y = activate(y, activation);
  v128.store(load<usize>(record + OUT) + at, y);
}

function outputTile4(
  record: usize, tile: usize, plane: usize, at: usize, sum: v128, across: i32, down: i32,
): void {
  // Columns: six frequencies become four values, stored over the first four rows of the tile.
  for (let j: usize = 0; j < 6; j++) {
    const p = tile + j * plane;
    const row = 6 * plane;
    const x0 = v128.load(p), x1 = v128.load(p + row), x2 = v128.load(p + 2 * row), x3 = v128.load(p + 3 * row),
      x4 = v128.load(p + 4 * row), x5 = v128.load(p + 5 * row);
    const s = f32x4.add(x1, x2), d = f32x4.sub(x1, x2), u = f32x4.add(x3, x4), w = f32x4.sub(x3, x4);
    v128.store(p, f32x4.add(f32x4.add(x0, s), u));
    v128.store(p + row, madd(w, f32x4.splat(2), d));
    v128.store(p + 2 * row, madd(u, f32x4.splat(4), s));
    v128.store(p + 3 * row, madd(w, f32x4.splat(8), f32x4.add(d, x5)));
  }
  const channelBytes = <usize>(load<i32>(record + OUT_CHANNELS) * 4);
  const rowBytes = <usize>load<i32>(record + OUT_WIDTH) * channelBytes;
  for (let i = 0; i < down; i++) {
    const p = tile + <usize>i * 6 * plane;
    const to = at + <usize>i * rowBytes;
    const x0 = v128.load(p), x1 = v128.load(p + plane), x2 = v128.load(p + 2 * plane), x3 = v128.load(p + 3 * plane),
      x4 = v128.load(p + 4 * plane), x5 = v128.load(p + 5 * plane);
    const s = f32x4.add(x1, x2), d = f32x4.sub(x1, x2), u = f32x4.add(x3, x4), w = f32x4.sub(x3, x4);
    write(record, to, sum, f32x4.add(f32x4.add(x0, s), u));
    if (across > 1) write(record, to + channelBytes, sum, madd(w, f32x4.splat(2), d));
    if (across > 2) write(record, to + 2 * channelBytes, sum, madd(u, f32x4.splat(4), s));
    if (across > 3) write(record, to + 3 * channelBytes, sum, madd(w, f32x4.splat(8), f32x4.add(d, x5)));
  }
}
