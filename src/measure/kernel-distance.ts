import { philox4x32 } from '../rng/philox';
import { type Breathe, pairProducts, type Vectors, vectorCount } from './distances';

/** Subsets and their size as the paper draws them. */
const SUBSETS = 100;
const SUBSET_SIZE = 1000;

export interface KernelDistance {
  value: number;
  /** Standard deviation over the subsets, which is what papers print behind a plus-minus. */
  deviation: number;
  subsets: number;
  subsetSize: number;
}

export interface SubsetOptions {
  subsets?: number;
  subsetSize?: number;
  /** Seed of the subsets. */
  seed?: number;
  breathe?: Breathe;
  /** Hears how many subsets are done. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Kernel distance (KID on Inception's features; Binkowski et al. 2018): the unbiased squared maximum mean discrepancy with the
 * kernel (x . y / dims + 1)^3, averaged over subsets without replacement. Sets smaller than a subset make the subsets smaller.
 */
export async function kernelDistance(
  real: Vectors,
  generated: Vectors,
  { subsets = SUBSETS, subsetSize = SUBSET_SIZE, seed = 0, breathe, onProgress }: SubsetOptions = {},
): Promise<KernelDistance> {
  const size = Math.min(subsetSize, vectorCount(real), vectorCount(generated));
  const whole = size === vectorCount(real) && size === vectorCount(generated);
  const count = whole ? 1 : subsets; // every subset would be the same
  const values: number[] = [];
  for (let k = 0; k < count; k++) {
    const a = subset(real, size, seed, 2 * k);
    const b = subset(generated, size, seed, 2 * k + 1);
    values.push(await discrepancy(a, b, breathe));
    onProgress?.(k + 1, count);
  }
  const mean = values.reduce((x, y) => x + y, 0) / count;
  const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / count);
  return { value: mean, deviation, subsets: count, subsetSize: size };
}

/** Unbiased squared maximum mean discrepancy of two sets of equal size. */
export async function discrepancy(a: Vectors, b: Vectors, breathe?: Breathe): Promise<number> {
  const n = vectorCount(a);
  const within = (await kernelSum(a, a, true, breathe)) + (await kernelSum(b, b, true, breathe));
  const across = await kernelSum(a, b, false, breathe);
  return (2 * within) / (n * (n - 1)) - (2 * across) / (n * n);
}

/** Sum of the kernel over all pairs; of one set with itself over each pair of different vectors once. */
async function kernelSum(a: Vectors, b: Vectors, symmetric: boolean, breathe?: Breathe): Promise<number> {
  let sum = 0;
  for await (const { i, j, rows, columns, values } of pairProducts(a, b, symmetric, breathe))
    for (let r = 0; r < rows; r++) {
      const end = symmetric ? Math.min(columns, i + r - j) : columns;
      for (let s = 0; s < end; s++) {
        const base = values[r * columns + s]! / a.dims + 1;
        sum += base * base * base;
      }
    }
  return sum;
}

/** `size` different vectors, drawn by Philox from (seed, draw). */
function subset({ values, dims }: Vectors, size: number, seed: number, draw: number): Vectors {
  const n = values.length / dims;
  if (size === n) return { values, dims };
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const out = new Float32Array(size * dims);
  for (let i = 0; i < size; i++) {
    const [word] = philox4x32([i, draw, 0, 9], [seed, 0], [0, 0, 0, 0]);
    const at = i + (word % (n - i));
    const chosen = order[at]!;
    order[at] = order[i]!;
    out.set(values.subarray(chosen * dims, (chosen + 1) * dims), i * dims);
  }
  return { values: out, dims };
}
