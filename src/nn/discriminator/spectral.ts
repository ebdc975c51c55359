import * as tf from '@tensorflow/tfjs-core';

/**
 * Spectral normalisation (Miyato et al. 2018) as torch.nn.utils.spectral_norm does it: a weight is divided by
 * its largest singular value, estimated by one power iteration a forward pass on vectors that are state.
 *
 * A weight [kh, kw, in, out] is the matrix M [kh kw in, out]; u has `out` entries, v the others, here in the
 * order of HWIO.
 */
export interface PowerVectors {
  /** [out, 1] */
  u: tf.Tensor2D;
  /** [kh kw in, 1] */
  v: tf.Tensor2D;
}

const asMatrix = (weight: tf.Tensor): tf.Tensor2D => tf.reshape(weight, [-1, weight.shape.at(-1)!]);

const unit = (x: tf.Tensor2D): tf.Tensor2D => tf.div(x, tf.maximum(tf.norm(x), 1e-12));

/** One iteration: v = unit(M u), u = unit(M^T v). The result is the caller's to dispose. */
export function powerIteration(weight: tf.Tensor, { u }: PowerVectors): PowerVectors {
  return tf.tidy(() => {
    const m = asMatrix(weight);
    const v = unit(tf.matMul(m, u));
    return { v, u: unit(tf.matMul(m, v, true, false)) };
  });
}

/** weight / (u^T M^T v), with u and v constant: differentiable in the weight. */
export function spectrallyNormalised(weight: tf.Tensor, { u, v }: PowerVectors): tf.Tensor {
  const sigma = tf.sum(tf.mul(tf.matMul(asMatrix(weight), u), v));
  return tf.div(weight, sigma);
}
