import { addProducts } from './products';

/** Symmetric matrices in float64, row-major in one array: what a Fréchet distance of 2,048 features needs, and no more. */

/**
 * Lower factor L of a positive semidefinite matrix A [n, n], A = L L^T. A pivot that rounding has left of a zero one gives a
 * column of zeros: a covariance of fewer images than features has many.
 */
export function choleskyFactor(a: Float64Array, n: number): Float64Array {
  const l = new Float64Array(n * n);
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, a[i * n + i]!);
  const nothing = largest * n * Number.EPSILON;
  for (let i = 0; i < n; i++) {
    const row = l.subarray(i * n, (i + 1) * n);
    for (let j = 0; j < i; j++) {
      const pivot = l[j * n + j]!;
      if (pivot === 0) continue;
      row[j] = (a[i * n + j]! - dot(row, l.subarray(j * n, j * n + j), j)) / pivot;
    }
    const rest = a[i * n + i]! - dot(row, row, i);
    row[i] = rest > nothing ? Math.sqrt(rest) : 0;
  }
  return l;
}

/** L^T B L of a lower triangular L and a symmetric B, both [n, n]; its lower triangle is filled. */
export function sandwich(l: Float64Array, b: Float64Array, n: number): Float64Array {
  const upper = new Float64Array(n * n); // L^T
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) upper[j * n + i] = l[i * n + j]!;
  const shape = { rowsA: n, rowsB: n, width: n, triangular: 'a' } as const;
  const left = new Float64Array(n * n); // L^T B
  addProducts(left, upper, b, shape);
  const out = new Float64Array(n * n);
  addProducts(out, upper, left, { ...shape, lower: true });
  return out;
}

function dot(a: Float64Array, b: Float64Array, n: number): number {
  let [s, t, u, v] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 3 < n; k += 4) {
    s += a[k]! * b[k]!;
    t += a[k + 1]! * b[k + 1]!;
    u += a[k + 2]! * b[k + 2]!;
    v += a[k + 3]! * b[k + 3]!;
  }
  for (; k < n; k++) s += a[k]! * b[k]!;
  return s + t + (u + v);
}

/**
 * Eigenvalues of a symmetric matrix [n, n], of which the lower triangle is read and overwritten: Householder's
 * tridiagonal form, then implicit QL (Golub & Van Loan, 8.3). In no order.
 */
export function symmetricEigenvalues(a: Float64Array, n: number): Float64Array {
  const { diagonal, below } = tridiagonal(a, n);
  implicitQl(diagonal, below);
  return diagonal;
}

/** Diagonal [n] and what is below it [n], below[i] between i - 1 and i. */
function tridiagonal(a: Float64Array, n: number) {
  const [diagonal, below, v, w] = [n, n, n, n].map((size) => new Float64Array(size)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  // From the last row upwards: row m is reflected into its last entry, and the rows above it change with it.
  for (let m = n - 1; m > 0; m--) {
    diagonal[m] = a[m * n + m]!;
    const { alpha, beta } = reflector(a, m * n, m, v);
    below[m] = alpha;
    if (beta === 0) continue;
    symmetricTimes(a, n, m, v, w);
    let inner = 0;
    for (let i = 0; i < m; i++) inner += w[i]! * v[i]!;
    const shift = (beta * beta * inner) / 2;
    for (let i = 0; i < m; i++) w[i] = beta * w[i]! - shift * v[i]!;
    for (let i = 0; i < m; i++) {
      const [vi, wi, row] = [v[i]!, w[i]!, i * n];
      for (let j = 0; j <= i; j++) a[row + j]! -= vi * w[j]! + wi * v[j]!;
    }
  }
  if (n > 0) diagonal[0] = a[0]!;
  return { diagonal, below };
}

/** v with (I - beta v v^T) x = alpha e_last, x being the first m values of a row. */
function reflector(a: Float64Array, row: number, m: number, v: Float64Array) {
  let scale = 0;
  for (let j = 0; j < m; j++) scale = Math.max(scale, Math.abs(a[row + j]!));
  let rest = 0;
  for (let j = 0; j < m - 1; j++) rest += (a[row + j]! / (scale || 1)) ** 2;
  const last = a[row + m - 1]!;
  if (rest === 0) return { alpha: last, beta: 0 };
  const length = scale * Math.sqrt(rest + (last / scale) ** 2);
  const alpha = last > 0 ? -length : length;
  for (let j = 0; j < m; j++) v[j] = a[row + j]! / scale;
  v[m - 1] = (last - alpha) / scale;
  return { alpha, beta: 2 / (rest + v[m - 1]! ** 2) };
}

/** w = A v of the leading m rows of a symmetric matrix, from its lower triangle. */
function symmetricTimes(a: Float64Array, n: number, m: number, v: Float64Array, w: Float64Array): void {
  w.fill(0, 0, m);
  for (let i = 0; i < m; i++) {
    const [row, vi] = [i * n, v[i]!];
    let sum = 0;
    for (let j = 0; j < i; j++) {
      const value = a[row + j]!;
      sum += value * v[j]!;
      w[j]! += value * vi;
    }
    w[i]! += sum + a[row + i]! * vi;
  }
}

/** A tridiagonal matrix has at most a few sweeps a value; more means that something is not a number. */
const MAX_SWEEPS = 60;

/** Overwrites the diagonal with the eigenvalues. */
function implicitQl(d: Float64Array, below: Float64Array): void {
  const n = d.length;
  const e = new Float64Array(n);
  e.set(below.subarray(1));
  for (let l = 0; l < n; l++)
    for (let sweep = 0; ; sweep++) {
      let m = l;
      while (m < n - 1 && Math.abs(e[m]!) > Number.EPSILON * (Math.abs(d[m]!) + Math.abs(d[m + 1]!))) m++;
      if (m === l) break;
      if (sweep === MAX_SWEEPS) throw new Error('an eigenvalue did not converge');
      sweepQl(d, e, l, m);
    }
}

/** One implicit QL sweep of rows l to m, shifted by the eigenvalue of the first two that is nearer to the first. */
function sweepQl(d: Float64Array, e: Float64Array, l: number, m: number): void {
  let g = (d[l + 1]! - d[l]!) / (2 * e[l]!);
  const root = Math.hypot(g, 1);
  g = d[m]! - d[l]! + e[l]! / (g + (g < 0 ? -root : root));
  let [s, c, p] = [1, 1, 0];
  for (let i = m - 1; i >= l; i--) {
    const [f, b] = [s * e[i]!, c * e[i]!];
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1]! -= p;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1]! - p;
    const q = (d[i]! - g) * s + 2 * c * b;
    p = s * q;
    d[i + 1] = g + p;
    g = c * q - b;
  }
  d[l]! -= p;
  e[l] = g;
  e[m] = 0;
}
