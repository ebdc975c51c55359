import { ACCUMULATE, SOURCE0, STRIDE } from '../record';
import { lanes, madd } from './vector';

/**
 * Spectral norm (Miyato et al. 2018, torch.nn.utils.spectral_norm) of one layer a task. A layer is a row of a table of words:
 * weight M in panels [columns / 8, rows, 8], rows, columns, u, v, sigma, normalised weight, its gradient, gradient of M.
 */
const WEIGHT: usize = 0;
const ROWS: usize = 4;
const COLUMNS: usize = 8;
const U: usize = 12;
const V: usize = 16;
const SIGMA: usize = 20;
const NORMALISED: usize = 24;
const NORMALISED_GRADIENT: usize = 28;
const WEIGHT_GRADIENT: usize = 32;

// @ts-ignore: decorator
@inline
function layerOf(record: usize, task: i32): usize {
  return load<usize>(record + SOURCE0) + <usize>task * load<usize>(record + STRIDE);
}

export function powerIteration(record: usize, task: i32, scratch: usize): void {
  const layer = layerOf(record, task);
  const rows = load<i32>(layer + ROWS);
  const columns = load<i32>(layer + COLUMNS);
  const u = load<usize>(layer + U);
  const v = load<usize>(layer + V);
  timesColumns(load<usize>(layer + WEIGHT), rows, columns, u, v);
  unit(v, rows);
  const sigma = timesRows(load<usize>(layer + WEIGHT), rows, columns, v, u, true);
  unit(u, columns);
  store<f32>(load<usize>(layer + SIGMA), <f32>sqrt(sigma));
}

/** v = M u. */
function timesColumns(m: usize, rows: i32, columns: i32, u: usize, v: usize): void {
  for (let c = 0; c < columns; c += 8) {
    const u0 = v128.load(u + (<usize>c << 2));
    const u1 = c + 4 < columns ? v128.load(u + (<usize>c << 2), 16) : f32x4.splat(0);
    for (let r = 0; r < rows; r++) {
      const at = v + (<usize>r << 2);
      const sum = lanes(madd(v128.load(m), u0, f32x4.mul(v128.load(m, 16), u1)));
      store<f32>(at, c == 0 ? sum : load<f32>(at) + sum);
      m += 32;
    }
  }
}

/** The sum of M' v times itself where that is written to u, else times u. */
function timesRows(m: usize, rows: i32, columns: i32, v: usize, u: usize, write: bool): f64 {
  let sum: f64 = 0;
  for (let c = 0; c < columns; c += 8) {
    let s0 = f32x4.splat(0), s1 = f32x4.splat(0);
    for (let r = 0; r < rows; r++) {
      const x = v128.load32_splat(v + (<usize>r << 2));
      s0 = madd(x, v128.load(m), s0);
      s1 = madd(x, v128.load(m, 16), s1);
      m += 32;
    }
    const at = u + (<usize>c << 2);
    if (write) v128.store(at, s0);
    sum += lanes(f32x4.mul(s0, v128.load(at)));
    if (c + 4 >= columns) continue;
    if (write) v128.store(at, s1, 16);
    sum += lanes(f32x4.mul(s1, v128.load(at, 16)));
  }
  return sum;
}

function unit(x: usize, count: i32): void {
  let squares: f64 = 0;
  for (let i = 0; i < count; i++) {
    const value: f64 = load<f32>(x + (<usize>i << 2));
    squares += value * value;
  }
  const inverse = <f32>(1 / max(sqrt(squares), 1e-12));
  for (let i = 0; i < count; i++) store<f32>(x + (<usize>i << 2), load<f32>(x + (<usize>i << 2)) * inverse);
}

export function normaliseWeight(record: usize, task: i32, scratch: usize): void {
  const layer = layerOf(record, task);
  const m = load<usize>(layer + WEIGHT);
  const rows = load<i32>(layer + ROWS);
  const columns = load<i32>(layer + COLUMNS);
  const sigma = <f32>timesRows(m, rows, columns, load<usize>(layer + V), load<usize>(layer + U), false);
  store<f32>(load<usize>(layer + SIGMA), sigma);
  const inverse = f32x4.splat(<f32>1 / sigma);
  const out = load<usize>(layer + NORMALISED);
  const bytes = <usize>(rows * ((columns + 7) >> 3)) << 5;
  for (let at: usize = 0; at < bytes; at += 16) v128.store(out + at, f32x4.mul(v128.load(m + at), inverse));
}

/** dM = (g - <g, M / sigma> v u') / sigma. */
export function spectralGradient(record: usize, task: i32, scratch: usize): void {
  const layer = layerOf(record, task);
  const rows = load<i32>(layer + ROWS);
  const columns = load<i32>(layer + COLUMNS);
  const inverse = f32x4.splat(<f32>1 / load<f32>(load<usize>(layer + SIGMA)));
  const normalised = load<usize>(layer + NORMALISED);
  const g = load<usize>(layer + NORMALISED_GRADIENT);
  const out = load<usize>(layer + WEIGHT_GRADIENT);
  const u = load<usize>(layer + U);
  const v = load<usize>(layer + V);
  const panel = <usize>rows << 5;
  const panels = (columns + 7) >> 3;
  let product: f64 = 0;
  for (let at: usize = 0; at < <usize>panels * panel; at += 32)
    product += lanes(
      madd(v128.load(g + at), v128.load(normalised + at), f32x4.mul(v128.load(g + at, 16), v128.load(normalised + at, 16))),
    );
  const accumulate = load<i32>(record + ACCUMULATE) != 0;
  const share = f32x4.splat(<f32>-product);
  for (let c = 0; c < columns; c += 4) {
    const first = <usize>(c >> 3) * panel + (<usize>(c & 4) << 2);
    const direction = f32x4.mul(share, v128.load(u + (<usize>c << 2)));
    for (let r = 0; r < rows; r++) {
      const at = first + (<usize>r << 5);
      let x = f32x4.mul(madd(direction, v128.load32_splat(v + (<usize>r << 2)), v128.load(g + at)), inverse);
      if (accumulate) x = f32x4.add(x, v128.load(out + at));
      v128.store(out + at, x);
    }
  }
  // The half panel behind the last column.
  if (!accumulate && (columns & 7) != 0)
    for (let r = 0; r < rows; r++)
      v128.store(out + <usize>(panels - 1) * panel + (<usize>r << 5), f32x4.splat(0), 16);
}
