import { addProducts } from './products';

/** Feature vectors [count, dims], row-major. */
export interface Vectors {
  readonly values: Float32Array;
  readonly dims: number;
}

/** How many vectors there are. */
export const vectorCount = ({ values, dims }: Vectors): number => values.length / dims;

/** Rows [from, to) alone, without copying. */
export const rowsOf = ({ values, dims }: Vectors, from: number, to: number): Vectors => ({
  values: values.subarray(from * dims, to * dims),
  dims,
});

/** Lets messages in between two pieces of work, and may throw to stop. */
export type Breathe = () => Promise<void>;

/** Rows of a block of pairs: its matrix stays below a megabyte. */
const BLOCK = 256;

/** The squared distances, or the products, of rows [i, i + rows) of one set and [j, j + columns) of another. */
export interface PairBlock {
  i: number;
  j: number;
  rows: number;
  columns: number;
  /** [rows, columns], valid until the next block comes. */
  values: Float64Array;
}

/**
 * Products of all pairs of two sets, block by block in float64. `symmetric`: the sets are one, and blocks above the diagonal
 * are left out; a block on it is whole.
 */
export async function* pairProducts(
  a: Vectors,
  b: Vectors,
  symmetric = false,
  breathe?: Breathe,
): AsyncGenerator<PairBlock> {
  const { dims } = a;
  const [n, m] = [vectorCount(a), vectorCount(b)];
  // One of each for all blocks: thousands of them would be hundreds of megabytes before they are collected.
  const values = new Float64Array(BLOCK * BLOCK);
  const [left, right] = [new Float64Array(BLOCK * dims), new Float64Array(BLOCK * dims)];
  for (let i = 0; i < n; i += BLOCK) {
    const rows = Math.min(BLOCK, n - i);
    left.set(a.values.subarray(i * dims, (i + rows) * dims));
    for (let j = 0; j < (symmetric ? i + 1 : m); j += BLOCK) {
      const columns = Math.min(BLOCK, m - j);
      right.set(b.values.subarray(j * dims, (j + columns) * dims));
      await breathe?.();
      const block = values.subarray(0, rows * columns).fill(0);
      addProducts(block, left, right, { rowsA: rows, rowsB: columns, width: dims });
      yield { i, j, rows, columns, values: block };
    }
  }
}

/** The same of squared Euclidean distances, at least zero. */
export async function* pairDistances(
  a: Vectors,
  b: Vectors,
  symmetric = false,
  breathe?: Breathe,
): AsyncGenerator<PairBlock> {
  const squaresA = squares(a);
  const squaresB = symmetric ? squaresA : squares(b);
  for await (const block of pairProducts(a, b, symmetric, breathe)) {
    const { i, j, rows, columns, values } = block;
    for (let r = 0; r < rows; r++)
      for (let s = 0; s < columns; s++) {
        const at = r * columns + s;
        values[at] = Math.max(0, squaresA[i + r]! + squaresB[j + s]! - 2 * values[at]!);
      }
    yield block;
  }
}

function squares({ values, dims }: Vectors): Float64Array {
  const out = new Float64Array(values.length / dims);
  for (let i = 0; i < values.length; i++) out[Math.floor(i / dims)]! += values[i]! ** 2;
  return out;
}
