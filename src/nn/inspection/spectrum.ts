import * as tf from '@tensorflow/tfjs-core';
import { ownData } from '../tf/pixels';

/** Rings of a square of `size` pixels: 0 is the mean, size / 2 the finest that every direction has. */
export const ringCount = (size: number): number => Math.floor(size / 2) + 1;

/**
 * Radial power spectrum of square maps: [N, R, R, C] to [N, rings]. Ring r is the mean of |F(k)|^2 over the
 * frequencies with round(|k|) = r cycles an image, F the discrete Fourier transform divided by R^2, averaged over
 * the channels; the corners beyond R/2 are left out. As products with matrices of cosines and sines, which every
 * back-end has. Call inside tf.tidy.
 */
export function radialPower(x: tf.Tensor): tf.Tensor {
  const [n, size, , c] = x.shape as [number, number, number, number];
  const waves = tf.tensor2d(cosinesAndSines(size), [2 * size, size]);
  // Height, then width: [C; S] x, twice. The samples go into the columns: wasm is slow at batched products.
  const down = tf.reshape(tf.transpose(ownData(x), [1, 0, 2, 3]), [size, n * size * c]);
  const rows = tf.reshape(tf.matMul(waves, down), [2 * size, n, size, c]);
  const across = tf.reshape(tf.transpose(rows, [2, 0, 1, 3]), [size, 2 * size * n * c]);
  const parts = tf.reshape(tf.matMul(waves, across), [2, size, 2, size * n * c]);
  const part = (column: number, row: number) =>
    tf.reshape(tf.slice(parts, [column, 0, row, 0], [1, size, 1, size * n * c]), [size * size * n, c]);
  // (C - iS)(C - iS) x: real CC - SS, imaginary -(SC + CS).
  const real = tf.sub(part(0, 0), part(1, 1));
  const imaginary = tf.add(part(1, 0), part(0, 1));
  const power = tf.reshape(tf.mean(tf.add(tf.square(real), tf.square(imaginary)), 1), [size * size, n]);
  const rings = tf.tensor2d(ringAverages(size), [ringCount(size), size * size]);
  return tf.transpose(tf.matMul(rings, power));
}

/** Rows k of cos(2 pi k x / R) / R, then of the sines: [2R, R]. */
function cosinesAndSines(size: number): Float32Array {
  const out = new Float32Array(2 * size * size);
  for (let k = 0; k < size; k++)
    for (let x = 0; x < size; x++) {
      const angle = (2 * Math.PI * ((k * x) % size)) / size;
      out[k * size + x] = Math.cos(angle) / size;
      out[(size + k) * size + x] = Math.sin(angle) / size;
    }
  return out;
}

/** [rings, R * R]: 1 / (members of the ring) where a frequency belongs to it. Symmetric in both directions. */
function ringAverages(size: number): Float32Array {
  const rings = ringCount(size);
  const signed = (k: number) => (k > size / 2 ? k - size : k);
  const ringOf = (i: number) => Math.round(Math.hypot(signed(Math.floor(i / size)), signed(i % size)));
  const members = new Float64Array(rings);
  for (let i = 0; i < size * size; i++) if (ringOf(i) < rings) members[ringOf(i)]! += 1;
  const out = new Float32Array(size * size * rings);
  for (let i = 0; i < size * size; i++) {
    const ring = ringOf(i);
    if (ring < rings) out[ring * size * size + i] = 1 / members[ring]!;
  }
  return out;
}
