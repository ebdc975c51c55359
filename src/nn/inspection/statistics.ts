import * as tf from '@tensorflow/tfjs-core';
import { attentionScores } from '../tf/attention';
import { ownData } from '../tf/pixels';

/**
 * What a block's output is summed up as, on the back-end, one number a sample: only these are read back. x is an
 * activation [N, H, W, C] or a vector [N, C]; the result is [N]. Call inside tf.tidy.
 */

/** sqrt(mean(x^2)) over channels and pixels. */
export const rootMeanSquare = (x: tf.Tensor): tf.Tensor =>
  tf.sqrt(tf.mean(tf.square(tf.reshape(x, [x.shape[0]!, -1])), 1));

/** mean(|a - b|). */
export const meanAbsoluteDifference = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
  tf.mean(tf.abs(tf.reshape(tf.sub(a, b), [a.shape[0]!, -1])), 1);

/** Share of the channels whose own root mean square is above `threshold` times that of the whole. */
export function activeShare(x: tf.Tensor, threshold: number): tf.Tensor {
  const perChannel = channelMeanSquares(x);
  const limit = tf.mul(tf.mean(perChannel, 1, true), threshold ** 2);
  return tf.mean(tf.cast(tf.greater(perChannel, limit), 'float32'), 1);
}

/** Mean of x^2 over the pixels: [N, C]. */
function channelMeanSquares(x: tf.Tensor): tf.Tensor {
  const n = x.shape[0]!;
  const c = x.shape.at(-1)!;
  const pixels = x.size / (n * c);
  if (pixels === 1) return tf.reshape(tf.square(x), [n, c]);
  // A product, as in the group norm: a reduction along the middle axis would transpose the activation first.
  const average = tf.fill([1, 1, pixels], 1 / pixels);
  return tf.reshape(tf.matMul(average, ownData(tf.square(tf.reshape(x, [n, pixels, c])))), [n, c]);
}

/**
 * How spread out the attention of a block is: mean over heads and queries of -sum p ln p / ln(pixels), so that 0 is
 * one pixel alone and 1 is all alike. `qkv` [N, H, W, 3C] as published: head, channel of the head, then q, k, v.
 */
export function attentionEntropy(qkv: tf.Tensor, heads: number): tf.Tensor {
  const [n, h, w] = qkv.shape as [number, number, number, number];
  const pixels = h * w;
  if (pixels === 1) return tf.zeros([n]);
  const { scores } = attentionScores(qkv, heads);
  const logits = tf.sub(scores, tf.max(scores, -1, true));
  // -sum p ln p = ln Z - sum p s: no logarithm of a vanishing p.
  const weights = tf.exp(logits);
  const total = tf.sum(weights, -1);
  const entropy = tf.sub(tf.log(total), tf.div(tf.sum(tf.mul(weights, logits), -1), total));
  return tf.div(tf.mean(tf.reshape(entropy, [n, -1]), 1), Math.log(pixels));
}

/** Inner products of the samples after their mean is taken off: [N, N], what linear CKA compares. */
export function centredGram(x: tf.Tensor): tf.Tensor {
  const flat = tf.reshape(x, [x.shape[0]!, -1]);
  const centred = tf.sub(flat, tf.mean(flat, 0, true));
  // Transposed by an op of its own: wasm multiplies a transposed factor in a slow loop.
  return tf.matMul(centred, tf.transpose(centred));
}
