import * as tf from '@tensorflow/tfjs-core';

/** Values of scalars, which are freed. */
export async function scalars(tensors: tf.Scalar[]): Promise<number[]> {
  const values = await Promise.all(tensors.map(async (t) => (await t.data())[0]!));
  tf.dispose(tensors);
  return values;
}

/**
 * Root of the summed squares of all gradients. Joined and then summed: a sum of many tensors at once exceeds what a
 * shader may bind.
 */
export function gradientNorm(grads: tf.NamedTensorMap): tf.Scalar {
  return tf.tidy(() => {
    const squares = Object.values(grads).map((g) => tf.reshape(tf.sum(tf.square(g)), [1]) as tf.Tensor1D);
    return tf.sqrt(tf.sum(tf.concat(squares))) as tf.Scalar;
  });
}
