/** Rows of `b` that stay in the processor's cache while all of `a` passes. */
const PANEL_VALUES = 2 ** 16;
const TILE = 3;

export interface ProductShape {
  rowsA: number;
  rowsB: number;
  /** Values of a row of `a` and of `b`. */
  width: number;
  /** Only entries with j <= i are needed: tiles above the diagonal are left out. */
  lower?: boolean;
  /** The rows of that factor begin with as many zeros as their index: they are skipped. */
  triangular?: 'a' | 'b';
}

/**
 * Adds a_i . b_j to out[i, j] for all rows of two matrices in float64: nine sums at a time in registers, a panel of `b` in the
 * cache. It is what covariances, distances and kernels of feature vectors are made of.
 */
export function addProducts(out: Float64Array, a: Float64Array, b: Float64Array, shape: ProductShape): void {
  const { rowsA, rowsB, width, lower = false, triangular } = shape;
  const panel = TILE * Math.max(1, Math.floor(PANEL_VALUES / width / TILE));
  const sums = new Float64Array(TILE * TILE);
  for (let p = 0; p < rowsB; p += panel) {
    const end = Math.min(rowsB, p + panel);
    for (let i = 0; i < rowsA; i += TILE) {
      const m = Math.min(TILE, rowsA - i);
      for (let j = p; j < end; j += TILE) {
        if (lower && j > i + TILE - 1) break;
        const n = Math.min(TILE, end - j);
        const from = triangular === 'a' ? i : triangular === 'b' ? j : 0;
        if (m === TILE && n === TILE) nineSums(a, i * width, b, j * width, from, width, sums);
        else edgeSums(a, i * width, b, j * width, from, width, sums, m, n);
        for (let r = 0; r < m; r++)
          for (let s = 0; s < n; s++) out[(i + r) * rowsB + j + s]! += sums[r * TILE + s]!;
      }
    }
  }
}

function nineSums(
  a: Float64Array,
  i: number,
  b: Float64Array,
  j: number,
  from: number,
  width: number,
  sums: Float64Array,
): void {
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  for (let k = from; k < width; k++) {
    const a0 = a[i + k]!;
    const a1 = a[i + width + k]!;
    const a2 = a[i + 2 * width + k]!;
    const b0 = b[j + k]!;
    const b1 = b[j + width + k]!;
    const b2 = b[j + 2 * width + k]!;
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
  }
  sums[0] = s00;
  sums[1] = s01;
  sums[2] = s02;
  sums[3] = s10;
  sums[4] = s11;
  sums[5] = s12;
  sums[6] = s20;
  sums[7] = s21;
  sums[8] = s22;
}

function edgeSums(
  a: Float64Array,
  i: number,
  b: Float64Array,
  j: number,
  from: number,
  width: number,
  sums: Float64Array,
  m: number,
  n: number,
): void {
  for (let r = 0; r < m; r++)
    for (let s = 0; s < n; s++) {
      let sum = 0;
      for (let k = from; k < width; k++) sum += a[i + r * width + k]! * b[j + s * width + k]!;
      sums[r * TILE + s] = sum;
    }
}
