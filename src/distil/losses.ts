import * as tf from '@tensorflow/tfjs-core';
import type { DistilConfig } from './config';

type LossMean = DistilConfig['lossMean'];

/** max(x, 0) + log(1 + exp(-|x|)): stock softplus has no gradient that is stable everywhere. */
export function softplus(x: tf.Tensor): tf.Tensor {
  return tf.add(tf.relu(x), tf.log1p(tf.exp(tf.neg(tf.abs(x)))));
}

/** A mean per scale, summed, or one over all logits together (as the published code concatenates them). */
export function meanOver(terms: readonly tf.Tensor[], how: LossMean): tf.Scalar {
  if (how === 'scale') return tf.addN(terms.map((t) => tf.mean(t))) as tf.Scalar;
  return tf.mean(tf.concat(terms as tf.Tensor2D[], 1)) as tf.Scalar;
}

/** Non-saturating generator loss: softplus(-D(G(z))). */
export const generatorLoss = (fake: readonly tf.Tensor[], how: LossMean): tf.Scalar =>
  meanOver(
    fake.map((logits) => softplus(tf.neg(logits))),
    how,
  );

/** softplus(D(G(z))) + softplus(-D(x)). */
export const discriminatorLoss = (
  fake: readonly tf.Tensor[],
  real: readonly tf.Tensor[],
  how: LossMean,
): tf.Scalar =>
  tf.add(
    meanOver(fake.map(softplus), how),
    meanOver(
      real.map((logits) => softplus(tf.neg(logits))),
      how,
    ),
  );
