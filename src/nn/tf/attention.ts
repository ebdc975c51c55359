import * as tf from '@tensorflow/tfjs-core';

type Shape4 = [number, number, number, number];

/**
 * The factors of self-attention over the pixels and its scores before the softmax, from `qkv` [N, H, W, 3C] as it is
 * published (head, channel of the head, q|k|v). Values are [N, heads, pixels, C / heads]; scores, the products
 * q k' / sqrt(C / heads), are [N, heads, queries, keys]. Call inside tf.tidy.
 */
export function attentionScores(qkv: tf.Tensor, heads: number): { scores: tf.Tensor; values: tf.Tensor } {
  const [n, h, w, c3] = qkv.shape as Shape4;
  const width = c3 / 3 / heads;
  // [n, pixels, head, channel, q|k|v] to [q|k|v, n, head, pixels, channel].
  const split = tf.transpose(tf.reshape(qkv, [n, h * w, heads, width, 3]), [4, 0, 2, 1, 3]);
  const [q, k, values] = tf.unstack(split, 0) as [tf.Tensor, tf.Tensor, tf.Tensor];
  return { scores: tf.matMul(q, tf.mul(k, 1 / Math.sqrt(width)), false, true), values };
}
