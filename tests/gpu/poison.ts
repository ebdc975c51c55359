import * as tf from '@tensorflow/tfjs-core';

/**
 * Leaves buffers full of NaN, of the sizes that tensors of `counts` floats take, for TensorFlow.js to give out
 * again: what a kernel does not write shows.
 */
export function poisonTensors(counts: readonly number[]): void {
  for (const count of counts) {
    const poison = tf.tensor1d(new Float32Array(count).fill(Number.NaN));
    tf.dispose([poison, tf.neg(poison)]);
  }
}
