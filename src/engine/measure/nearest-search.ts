import * as tf from '@tensorflow/tfjs-core';
import type { Vectors } from '../../measure/distances';
import { Smallest } from '../../measure/nearest';

/** float32's rounding. */
const EPSILON = 2 ** -24;
/** Products of one call on the back-end; more would be a transfer of its own. */
const BLOCK_VALUES = 2 ** 22;
/** Queries of one product. */
const GROUP = 1024;

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
  const groups: { first: number; rows: number; columns: tf.Tensor2D }[] = [];
  for (let first = 0; first < count; first += GROUP) {
    const rows = Math.min(GROUP, count - first);
    const part = values.subarray(first * dims, (first + rows) * dims);
    groups.push({ first, rows, columns: tf.tidy(() => tf.transpose(tf.tensor2d(part, [rows, dims]))) });
  }
  // Twice: both the product and the sum of squares that it is taken from.
  const bound = 2 * (dims + 4) * EPSILON;
  const step = Math.max(1, Math.floor(BLOCK_VALUES / Math.max(dims, GROUP)));
  try {
    let before = 0;
    for await (const block of inBlocksOf(set, step * dims)) {
      const lengths = squaredLengths(block, dims);
      const n = lengths.length;
      for (const { first, rows, columns } of groups) {
        await breathe?.();
        const products = await productsOf(block, columns);
        for (let j = 0; j < n; j++)
          for (let row = 0; row < rows; row++) {
            const q = first + row;
            const sum = squares[q]! + lengths[j]!;
            const least = sum - 2 * products[j * rows + row]! - bound * sum;
            if (least > found.last(q) || own?.[q] === before + j) continue;
            found.offer(q, squaredDistance(values, q * dims, block, j * dims, dims), before + j);
          }
      }
      before += n;
    }
  } finally {
    for (const { columns } of groups) columns.dispose();
  }
  return found;
}

/** The same values in blocks of that length: a product of few rows costs its transfer alone. */
async function* inBlocksOf(set: AsyncIterable<Float32Array>, length: number): AsyncGenerator<Float32Array> {
  const block = new Float32Array(length);
  let filled = 0;
  for await (const part of set)
    for (let from = 0; from < part.length; ) {
      const count = Math.min(length - filled, part.length - from);
      block.set(part.subarray(from, from + count), filled);
      filled += count;
      from += count;
      if (filled < length) continue;
      yield block;
      filled = 0;
    }
  if (filled > 0) yield block.subarray(0, filled);
}

/**
 * [n, queries], row-major. The queries are columns, [dims, queries]: TensorFlow.js multiplies a transposed operand on
 * WebAssembly element by element, and packs one that stays between calls only once.
 */
async function productsOf(block: Float32Array, columns: tf.Tensor2D): Promise<Float32Array> {
  const dims = columns.shape[0];
  const product = tf.tidy(() => tf.matMul(tf.tensor2d(block, [block.length / dims, dims]), columns));
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
