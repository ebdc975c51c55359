/** Filters that shrink without aliasing; the names are Pillow's. */
export type Filter = 'lanczos' | 'box';

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

const FILTERS: Record<Filter, { support: number; at: (x: number) => number }> = {
  lanczos: { support: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
};

/** Coefficients are fixed-point numbers of this many bits behind the point. */
const PRECISION = 22;
const HALF = 2 ** (PRECISION - 1);

/** For each output pixel: its first input pixel, how many, and their weights (a row of `width` numbers each). */
interface Weights {
  readonly width: number;
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly values: Int32Array;
}

function makeWeights(size: number, out: number, filter: Filter): Weights {
  const { support, at } = FILTERS[filter];
  const scale = size / out;
  const stretch = Math.max(1, scale);
  const reach = support * stretch;
  const width = Math.ceil(reach) * 2 + 1;
  const first = new Int32Array(out);
  const count = new Int32Array(out);
  const values = new Int32Array(out * width);
  const row = new Float64Array(width);
  for (let i = 0; i < out; i++) {
    const centre = (i + 0.5) * scale;
    const from = Math.max(0, Math.trunc(centre - reach + 0.5));
    const n = Math.min(size, Math.trunc(centre + reach + 0.5)) - from;
    let sum = 0;
    for (let k = 0; k < n; k++) {
      row[k] = at((k + from - centre + 0.5) / stretch);
      sum += row[k]!;
    }
    for (let k = 0; k < n; k++) {
      const w = (sum === 0 ? row[k]! : row[k]! / sum) * 2 ** PRECISION;
      values[i * width + k] = Math.trunc(w < 0 ? w - 0.5 : w + 0.5);
    }
    first[i] = from;
    count[i] = n;
  }
  return { width, first, count, values };
}

/** Data sets have few sizes: their weights are made once. */
const known = new Map<string, Weights>();

function weights(size: number, out: number, filter: Filter): Weights {
  const key = `${size}/${out}/${filter}`;
  let w = known.get(key);
  if (!w) {
    w = makeWeights(size, out, filter);
    if (known.size >= 32) known.clear();
    known.set(key, w);
  }
  return w;
}

/**
 * A square plane of bytes at another size, in the arithmetic of Pillow's resize (fixed point, rows first, each
 * pass rounded to bytes), so that images prepared here equal images prepared there.
 */
export function resamplePlane(plane: Uint8Array, size: number, out: number, filter: Filter): Uint8Array {
  if (size === out) return plane;
  const w = weights(size, out, filter);
  const across = new Uint8Array(size * out);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < out; x++) {
      const from = y * size + w.first[x]!;
      const n = w.count[x]!;
      const k = x * w.width;
      let sum = HALF;
      for (let i = 0; i < n; i++) sum += plane[from + i]! * w.values[k + i]!;
      across[y * out + x] = clip(sum);
    }
  const result = new Uint8Array(out * out);
  const sums = new Float64Array(out);
  for (let y = 0; y < out; y++) {
    sums.fill(HALF);
    const n = w.count[y]!;
    for (let i = 0; i < n; i++) {
      const from = (w.first[y]! + i) * out;
      const weight = w.values[y * w.width + i]!;
      for (let x = 0; x < out; x++) sums[x]! += across[from + x]! * weight;
    }
    for (let x = 0; x < out; x++) result[y * out + x] = clip(sums[x]!);
  }
  return result;
}

function clip(sum: number): number {
  return Math.max(0, Math.min(255, sum >> PRECISION));
}
