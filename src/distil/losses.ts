import * as tf from '@tensorflow/tfjs-core';
import { type DistilConfig, lossImages } from './config';

/** What decides the loss: its form, and over how many images it is a sum. */
type LossConfig = Pick<DistilConfig, 'lossType' | 'batch' | 'batchGpu'>;

/** max(x, 0) + log(1 + exp(-|x|)): stock softplus has no gradient that is stable everywhere. */
export function softplus(x: tf.Tensor): tf.Tensor {
  return tf.add(tf.relu(x), tf.log1p(tf.exp(tf.neg(tf.abs(x)))));
}

/**
 * Each entry [N, k] holds the logits of a feature network, or of one of its scales. Entries are summed; over images the
 * loss is a mean, times the images of one published GPU where a run has those: there every image is an entry.
 */
function sumOver(entries: readonly tf.Tensor[], config: LossConfig): tf.Scalar {
  const means = tf.addN(entries.map((t) => tf.mean(t))) as tf.Scalar;
  const images = lossImages(config);
  return images === 1 ? means : tf.mul(means, images);
}

/** Non-saturating: softplus(-D(G(z))). Hinge: -D(G(z)). */
export const generatorLoss = (fake: readonly tf.Tensor[], config: LossConfig): tf.Scalar =>
  sumOver(
    fake.map((logits) => (config.lossType === 'ns' ? softplus(tf.neg(logits)) : tf.neg(logits))),
    config,
  );

/** Non-saturating: softplus(D(G(z))) + softplus(-D(x)). Hinge: relu(1 + D(G(z))) + relu(1 - D(x)). */
export function discriminatorLoss(
  fake: readonly tf.Tensor[],
  real: readonly tf.Tensor[],
  config: LossConfig,
): tf.Scalar {
  const term = (logits: tf.Tensor) =>
    config.lossType === 'ns' ? softplus(logits) : tf.relu(tf.add(logits, 1));
  return tf.add(
    sumOver(fake.map(term), config),
    sumOver(
      real.map((logits) => term(tf.neg(logits))),
      config,
    ),
  );
}
