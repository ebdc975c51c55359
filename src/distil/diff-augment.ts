import * as tf from '@tensorflow/tfjs-core';
import type { RandomStream } from './random';

/** Shares of an image's edge: how far it is shifted at most, and the edge of the square that is cut out. */
const SHIFT = 0.125;
const CUT = 0.2;

/** The random numbers of DiffAugment for a batch, one an image. */
export interface Augmentation {
  /** In [0, 1). */
  brightness: Float32Array;
  saturation: Float32Array;
  contrast: Float32Array;
  /** Pixels: where a pixel of the result comes from, relative to its own place. */
  shiftY: Int32Array;
  shiftX: Int32Array;
  /** The middle of the square that is cut out. */
  cutY: Int32Array;
  cutX: Int32Array;
}

const edge = (size: number, share: number): number => Math.floor(size * share + 0.5);

/** Draws for `n` images; seven draws, in the order of the fields. */
export function drawAugmentation(
  random: RandomStream,
  [n, height, width]: readonly [number, number, number, ...number[]],
): Augmentation {
  const integers = (low: number, high: number) =>
    Int32Array.from(random.uniforms(n), (u) => low + Math.floor(u * (high - low)));
  const shift = (size: number) => integers(-edge(size, SHIFT), edge(size, SHIFT) + 1);
  const cut = (size: number) => integers(0, size + 1 - (edge(size, CUT) % 2));
  return {
    brightness: random.uniforms(n),
    saturation: random.uniforms(n),
    contrast: random.uniforms(n),
    shiftY: shift(height),
    shiftX: shift(width),
    cutY: cut(height),
    cutX: cut(width),
  };
}

/**
 * DiffAugment (Zhao et al. 2020): brightness, saturation, contrast, a shift and a square cut out, of images
 * x [N, H, W, C], differentiable. The discriminator sees real and generated images through it alike, so that it cannot
 * learn few real ones by heart, and the generator does not learn to make what it does. Call inside tf.tidy.
 */
export function diffAugment(x: tf.Tensor4D, numbers: Augmentation): tf.Tensor4D {
  const [n] = x.shape;
  const perImage = (values: Float32Array) => tf.tensor4d(values, [n, 1, 1, 1]);
  const around = (h: tf.Tensor, mean: tf.Tensor, factors: Float32Array) =>
    tf.add(tf.mul(tf.sub(h, mean), perImage(factors)), mean);
  let h: tf.Tensor = tf.add(x, perImage(numbers.brightness.map((u) => u - 0.5)));
  h = around(h, tf.mean(h, 3, true), numbers.saturation.map((u) => 2 * u)); // biome-ignore format: a line each
  h = around(h, tf.mean(h, [1, 2, 3], true), numbers.contrast.map((u) => u + 0.5)); // biome-ignore format: a line each
  return tf.mul(shifted(h as tf.Tensor4D, numbers), outsideCut(x.shape, numbers));
}

/** Zeros come in from outside. Its gradient is the shift back: what left the image has none. */
function shifted(x: tf.Tensor4D, { shiftY, shiftX }: Augmentation): tf.Tensor4D {
  const op = tf.customGrad((input) => ({
    value: taken(input as tf.Tensor4D, shiftY, shiftX, 1),
    gradFunc: (dy) => taken(dy as tf.Tensor4D, shiftY, shiftX, -1),
  }));
  return op(x) as tf.Tensor4D;
}

/** Pixel (i, j) of image k from (i + direction shiftY[k], j + direction shiftX[k]); 0 where that is outside. */
function taken(x: tf.Tensor4D, shiftY: Int32Array, shiftX: Int32Array, direction: 1 | -1): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  const places = new Int32Array(n * height * width);
  const inside = new Float32Array(places.length);
  for (let k = 0, at = 0; k < n; k++)
    for (let i = 0; i < height; i++)
      for (let j = 0; j < width; j++, at++) {
        const [row, column] = [i + direction * shiftY[k]!, j + direction * shiftX[k]!];
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        places[at] = (k * height + row) * width + column;
        inside[at] = 1;
      }
  const pixels = tf.gather(tf.reshape(x, [places.length, channels]), tf.tensor1d(places, 'int32'));
  const kept = tf.mul(pixels, tf.tensor2d(inside, [places.length, 1]));
  return tf.reshape(kept, [n, height, width, channels]);
}

/** [N, H, W, 1]: 0 in each image's square, which may lie partly outside, else 1. */
function outsideCut(
  [n, height, width]: readonly [number, number, number, number],
  { cutY, cutX }: Augmentation,
): tf.Tensor4D {
  const mask = new Float32Array(n * height * width).fill(1);
  for (let k = 0; k < n; k++) {
    const [top, bottom] = cutRange(cutY[k]!, height);
    const [left, right] = cutRange(cutX[k]!, width);
    for (let i = Math.max(0, top); i < Math.min(height, bottom); i++)
      mask.fill(
        0,
        (k * height + i) * width + Math.max(0, left),
        (k * height + i) * width + Math.min(width, right),
      );
  }
  return tf.tensor4d(mask, [n, height, width, 1]);
}

/** First row or column of a square around its middle, and the one behind its last; they may lie outside. */
function cutRange(middle: number, size: number): [number, number] {
  const length = edge(size, CUT);
  const from = middle - Math.floor(length / 2);
  return [from, from + length];
}

/** The same numbers as a recorded step takes them (nn/plan/training/augment.ts), for images [n, height, width, channels]. */
export function augmentationInputs(
  numbers: Augmentation,
  [n, height, width, channels]: readonly [number, number, number, number],
): Map<string, Float32Array> {
  const repeated = (values: Float32Array, of: (u: number) => number) =>
    Float32Array.from({ length: n * channels }, (_, i) => of(values[Math.floor(i / channels)]!));
  const { brightness, saturation, contrast, shiftY, shiftX, cutY, cutX } = numbers;
  const place = Array.from({ length: n }, (_, k) => [
    shiftY[k]!,
    shiftX[k]!,
    ...cutRange(cutY[k]!, height),
    ...cutRange(cutX[k]!, width),
  ]);
  return new Map([
    ['brightness', repeated(brightness, (u) => u - 0.5)],
    ['saturation', repeated(saturation, (u) => 2 * u)],
    ['grey', repeated(saturation, (u) => 1 - 2 * u)],
    ['contrast', repeated(contrast, (u) => u + 0.5)],
    ['mean', repeated(contrast, (u) => (0.5 - u) / height / width)],
    ['place', Float32Array.from(place.flat())],
  ]);
}
