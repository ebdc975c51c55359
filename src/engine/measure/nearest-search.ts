import * as tf from '@tensorflow/tfjs-core';
import type { Vectors } from '../../measure/distances';
import { Smallest } from '../../measure/nearest';

/** float32's rounding. */
const EPSILON = 2 ** -24;
/** Products of one call on the back-end; more would be a transfer of its own. */
const BLOCK_VALUES = 2 ** 22;

export interface SearchOptions {
  /** How many are kept of each query. */
  k: number;
  /** The vector of the set that a query is, which is not its own neighbour; -1: none. */
  own?: Int32Array;
  breathe?: () => Promise<void>;
}

/**
 * The k nearest vectors of a set for each query, exactly, in squared Euclidean distance. `set` comes in blocks [n, dims]. Products
 * are made on the back-end in float32 (a GPU where there is one), and say with a bound of their rounding which pairs can be among
 * the nearest; of those alone the distance is computed in float64.
 */
export async function searchNearest(
  queries: Vectors,
  set: AsyncIterable<Float32Array>,
  { k, own, breathe }: SearchOptions,
): Promise<Smallest> {
  const { values, dims } = queries;
  const count = values.length / dims;
  const found = new Smallest(count, k);
  const squares = squaredLengths(values, dims);
  const left = tf.tensor2d(values, [count, dims]);
  // Twice: both the product and the sum of squares that it is taken from.
  const bound = 2 * (dims + 4) * EPSILON;
  try {
    let before = 0;
    for await (const whole of set) {
      const step = Math.max(1, Math.floor(BLOCK_VALUES / dims));
      for (let from = 0; from < whole.length / dims; from += step) {
        const block = whole.subarray(from * dims, (from + step) * dims);
        await breathe?.();
        const products = await productsOf(left, block, dims);
        const lengths = squaredLengths(block, dims);
        const n = lengths.length;
        for (let q = 0; q < count; q++)
          for (let j = 0; j < n; j++) {
            const sum = squares[q]! + lengths[j]!;
            const least = sum - 2 * products[q * n + j]! - bound * sum;
            if (least > found.last(q) || own?.[q] === before + j) continue;
            found.offer(q, squaredDistance(values, q * dims, block, j * dims, dims), before + j);
          }
        before += n;
      }
    }
  } finally {
    left.dispose();
  }
  return found;
}

/** [queries, n], row-major. */
async function productsOf(left: tf.Tensor2D, block: Float32Array, dims: number): Promise<Float32Array> {
  const product = tf.tidy(() =>
    tf.matMul(left, tf.tensor2d(block, [block.length / dims, dims]), false, true),
  );
  const values = (await product.data()) as Float32Array;
  product.dispose();
  return values;
}

function squaredLengths(values: Float32Array, dims: number): Float64Array {
  const out = new Float64Array(values.length / dims);
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (let j = i * dims; j < (i + 1) * dims; j++) sum += values[j]! * values[j]!;
    out[i] = sum;
  }
  return out;
}

function squaredDistance(a: Float32Array, i: number, b: Float32Array, j: number, dims: number): number {
  let sum = 0;
  for (let c = 0; c < dims; c++) sum += (a[i + c]! - b[j + c]!) ** 2;
  return sum;
}
