import * as tf from '@tensorflow/tfjs-core';
import { type Denoiser, toNCHW } from '../denoiser';

/** Keeps a small tensor that sums up an intermediate value; its numbers are in the observation under `key`. */
export type RecordTensor = (key: string, tensor: tf.Tensor) => void;

/** What a forward pass is watched for. */
interface Watch {
  /**
   * Sees every named intermediate value in the order of execution: blocks ("enc.32x32_block0") and their parts
   * ("enc.32x32_block0.conv0"). Values live until the block is done, the parts before the whole.
   */
  see: (name: string, value: tf.Tensor, record: RecordTensor) => void;
}

interface PartialWatch extends Watch {
  /** The pass ends when this value has been seen; nothing behind it is computed. */
  until?: string;
  /** Reads the denoised images back too, where the pass comes to them. */
  images?: boolean;
}

interface WholeWatch extends Watch {
  until?: never;
  images: true;
}

export interface Observation {
  values: Map<string, Float32Array>;
  /** [N, C, R, R] flat; null when they were not asked for or not reached. */
  images: Float32Array | null;
}

interface WholeObservation extends Observation {
  images: Float32Array;
}

class Enough extends Error {}

/**
 * One evaluation D(x, sigma, class) under observation: x [N, C, R, R] flat, `classes` [N] or null. Whatever is
 * recorded is read back at once. Op by op: `PlannedDenoiser.observe` is faster where values as such, or root mean
 * squares of blocks, are all that is wanted.
 */
export function observe(
  denoiser: Denoiser,
  x: Float32Array,
  sigma: number,
  classes: ArrayLike<number> | null,
  watch: WholeWatch,
): Promise<WholeObservation>;
export function observe(
  denoiser: Denoiser,
  x: Float32Array,
  sigma: number,
  classes: ArrayLike<number> | null,
  watch: PartialWatch,
): Promise<Observation>;
export async function observe(
  denoiser: Denoiser,
  x: Float32Array,
  sigma: number,
  classes: ArrayLike<number> | null,
  { see, until, images = false }: PartialWatch | WholeWatch,
): Promise<Observation> {
  const kept: tf.Tensor[] = [];
  const sizes = new Map<string, number>();
  const record: RecordTensor = (key, tensor) => {
    kept.push(tf.keep(tf.reshape(tensor, [-1])));
    sizes.set(key, tensor.size);
  };
  let result: tf.Tensor4D | null = null;
  try {
    result = denoiser.start(x, sigma, classes, (name, value) => {
      see(name, value, record);
      if (name === until) throw new Enough();
    });
  } catch (error) {
    if (!(error instanceof Enough)) {
      tf.dispose(kept);
      throw error;
    }
  }
  const joined = kept.length > 0 ? tf.tidy(() => tf.concat(kept, 0)) : null;
  tf.dispose(kept);
  try {
    const numbers = joined ? ((await joined.data()) as Float32Array) : new Float32Array();
    const values = new Map<string, Float32Array>();
    let offset = 0;
    for (const [key, size] of sizes) {
      values.set(key, numbers.subarray(offset, offset + size));
      offset += size;
    }
    let pictures: Float32Array | null = null;
    if (images && result) {
      const [n, h, w, c] = result.shape;
      pictures = toNCHW((await result.data()) as Float32Array, n, c, h * w);
    }
    return { values, images: pictures };
  } finally {
    joined?.dispose();
    result?.dispose();
  }
}
