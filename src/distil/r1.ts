import * as tf from '@tensorflow/tfjs-core';

/** What the penalty is, and what it asks of the discriminator. */
export interface R1Result {
  /** E|v|^2, the mean over images. */
  penalty: tf.Scalar;
  /** Gradients by variable name, for the penalty times gamma / 2. The caller disposes. */
  gradients: tf.NamedTensorMap;
}

/**
 * R1 = gamma / 2 E|v|^2 with v = d(sum of logits)/dx on real images x [N, H, W, C] (Mescheder et al. 2018), and its exact
 * gradient: v is made of operations that have gradients themselves (nn/tf/gradients.ts), so the penalty is
 * differentiated as any other loss. `sumOfLogits` is run once, with one state of the spectral norm. A variable on which v
 * depends through kinks alone (the last shift before the logits) has a gradient of zeros, as in PyTorch.
 *
 * TensorFlow.js forgets that a result which an operation keeps for its gradient (tanh, sigmoid, exp) depends on what came
 * before it: where a trained layer is followed by one of those its second derivative is lost. The heads have none.
 */
export function r1Gradients(
  sumOfLogits: (x: tf.Tensor4D) => tf.Scalar,
  x: tf.Tensor4D,
  variables: tf.Variable[],
  gamma: number,
): R1Result {
  const n = x.shape[0];
  const { value, grads } = tf.variableGrads(() => {
    const v = tf.grad((input: tf.Tensor) => sumOfLogits(input as tf.Tensor4D))(x);
    return tf.mul(tf.sum(tf.square(v)), gamma / 2 / n) as tf.Scalar;
  }, variables);
  const penalty = tf.tidy(() => tf.mul(value, 2 / gamma) as tf.Scalar);
  value.dispose();
  const gradients = Object.fromEntries(variables.map((v) => [v.name, grads[v.name] ?? tf.zerosLike(v)]));
  return { penalty, gradients };
}
