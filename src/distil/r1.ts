import * as tf from '@tensorflow/tfjs-core';

/**
 * R1 = gamma / 2 E|v|^2 with v = d(sum of logits)/dx on real images (Mescheder et al. 2018), without second-order
 * kernels: its parameter gradient is gamma / N times the derivative of d(sum of logits)/d(parameter) along v,
 * taken as a central difference over x +- h v.
 */
export interface R1Result {
  /** E|v|^2, the mean over images. */
  penalty: number;
  /** Gradients by variable name, for the penalty times gamma / 2. The caller disposes. */
  gradients: tf.NamedTensorMap;
}

/**
 * `h` as a share: the step moves x by about `relativeStep` of its own size. Small enough to be a derivative,
 * large enough for float32: the error against the exact gradient has its minimum there (tests/distil/r1.test.ts).
 */
export async function r1Gradients(
  sumOfLogits: (x: tf.Tensor4D) => tf.Scalar,
  x: tf.Tensor4D,
  variables: tf.Variable[],
  gamma: number,
  relativeStep = 0.01,
): Promise<R1Result> {
  const n = x.shape[0];
  const v = tf.grad((input: tf.Tensor) => sumOfLogits(input as tf.Tensor4D))(x) as tf.Tensor4D;
  const [square, size] = tf.tidy(() => [tf.sum(tf.square(v)), tf.sum(tf.square(x))] as const) as [
    tf.Scalar,
    tf.Scalar,
  ];
  const squared = (await square.data())[0]!;
  const h = (relativeStep * Math.sqrt((await size.data())[0]!)) / Math.max(Math.sqrt(squared), 1e-12);
  tf.dispose([square, size]);

  const at = (step: number): tf.NamedTensorMap => {
    const moved = tf.tidy(() => tf.add(x, tf.mul(v, step)) as tf.Tensor4D);
    const { value, grads } = tf.variableGrads(() => sumOfLogits(moved), variables);
    tf.dispose([moved, value]);
    return grads;
  };
  const above = at(h);
  const below = at(-h);
  const gradients: tf.NamedTensorMap = {};
  for (const name of Object.keys(above))
    gradients[name] = tf.tidy(() => tf.mul(tf.sub(above[name]!, below[name]!), gamma / n / (2 * h)));
  tf.dispose([v, above, below]);
  return { penalty: squared / n, gradients };
}
