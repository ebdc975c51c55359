import * as tf from '@tensorflow/tfjs-core';
import type { AxisMatrix } from '../resampling';

/** Small things that every network on TensorFlow.js needs of an activation [N, H, W, C]. */
type T = tf.Tensor;
type Shape4 = [number, number, number, number];

/**
 * The wasm back-end packs the second factor of an unbatched product once per data id, and takes the packed form
 * again for any other shape of the same data: wrong results from the second shape on. Such a factor gets
 * data of its own.
 */
export function ownData(x: T): T {
  return x.shape[0] === 1 && tf.getBackend() === 'wasm' ? tf.mul(x, 1) : x;
}

/** Zeros around the pixels of x [N, H, W, C]: `before` rows and columns first, `after` behind. */
export const padPixels = (x: T, before: number, after = before): T =>
  before === 0 && after === 0
    ? x
    : tf.pad(x, [
        [0, 0],
        [before, after],
        [before, after],
        [0, 0],
      ]);

/** The matrix of one axis as a tensor [1, rows, size], as `resampleAxes` takes it. */
export const axisTensor = ({ rows, values }: AxisMatrix, size: number): T =>
  tf.tensor(values, [1, rows, size]);

/** Multiplies height with [1, h, H] and width with [1, w, W]. */
export function resampleAxes(x: T, vertical: T, horizontal: T): T {
  const [n, h, w, c] = x.shape as Shape4;
  const rows = tf.matMul(vertical, ownData(tf.reshape(x, [n, h, w * c])));
  const height = rows.shape[1]!;
  const columns = tf.matMul(horizontal, tf.reshape(rows, [n * height, w, c]));
  return tf.reshape(columns, [n, height, columns.shape[1]!, c]);
}

/** (stride - 1) zeros between the pixels along height and width. */
export function dilate(x: tf.Tensor4D, stride: number): tf.Tensor4D {
  if (stride === 1) return x;
  const [n, h, w, c] = x.shape;
  const spaced = tf.pad(tf.reshape(x, [n * h, 1, w, c]), [
    [0, 0],
    [0, stride - 1],
    [0, 0],
    [0, c * (stride - 1)],
  ]);
  const full = tf.reshape(spaced, [n, h * stride, w * stride, c]) as tf.Tensor4D;
  return tf.slice4d(full, [0, 0, 0, 0], [n, (h - 1) * stride + 1, (w - 1) * stride + 1, c]);
}
