import * as tf from '@tensorflow/tfjs-core';
import type { FeatureConvOptions, PooledOps } from '../ops';
import { type AxisMatrix, bilinearMatrix, tensorFlow1Matrix } from '../resampling';
import { type TensorParameters, TfParameters } from '../tf/parameters';
import { axisTensor, padPixels, resampleAxes } from '../tf/pixels';
import type { WeightSource } from '../weights';
import { paddingOf } from './padding';

/**
 * The layers of a frozen feature network: convolutions with their batch norm folded in (`NAME.weight`,
 * `NAME.bias`), differentiable in the image only.
 */
export class FrozenLayers implements PooledOps<tf.Tensor4D> {
  private readonly parameters: TensorParameters;
  private readonly constants = new Map<string, tf.Tensor>();

  constructor(source: WeightSource) {
    this.parameters = new TfParameters(source);
  }

  scope(block: () => tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(block);
  }

  conv(x: tf.Tensor4D, name: string, options: FeatureConvOptions = {}): tf.Tensor4D {
    const { stride = 1, depthwise = false, activation = null, padding = 'tensorflow' } = options;
    const filter = this.parameters.get(`${name}.weight`) as tf.Tensor4D;
    const kernel = filter.shape[0];
    const [before, after] = paddingOf(padding, x.shape[1], kernel, stride);
    // An odd kernel of stride 1 needs no padding of our own, whatever its other side is (Inception's are 1 x 7).
    const same = padding !== 'none' && stride === 1 && before === after;
    const input = (same ? x : padPixels(x, before, after)) as tf.Tensor4D;
    const pad = same ? 'same' : 'valid';
    const y = depthwise
      ? // [C, 1, k, k] as published lies in memory as [k, k, 1, C] after the layout change: the same as [k, k, C, 1].
        tf.depthwiseConv2d(input, tf.reshape(filter, [kernel, kernel, filter.shape[3], 1]), stride, pad)
      : tf.conv2d(input, filter, stride, pad);
    const biased = (
      options.bias === false ? y : tf.add(y, this.parameters.get(`${name}.bias`))
    ) as tf.Tensor4D;
    if (activation === 'relu6') return tf.relu6(biased);
    return activation === 'relu' ? tf.relu(biased) : biased;
  }

  /** A parameter as it is: a linear layer, a norm, a token. */
  parameter(name: string): tf.Tensor {
    return this.parameters.get(name);
  }

  resize(x: tf.Tensor4D, size: number, alignCorners = false): tf.Tensor4D {
    return this.resampled(x, size, `bilinear ${alignCorners}`, (from) =>
      bilinearMatrix(from, size, alignCorners),
    );
  }

  /** As TensorFlow 1 resizes: without half-pixel centres. */
  resizeAsTensorFlow1(x: tf.Tensor4D, size: number): tf.Tensor4D {
    return this.resampled(x, size, 'tensorflow-1', (from) => tensorFlow1Matrix(from, size));
  }

  toRgb(x: tf.Tensor4D): tf.Tensor4D {
    return toRgb(x);
  }

  add(a: tf.Tensor4D, b: tf.Tensor4D): tf.Tensor4D {
    return tf.add(a, b);
  }

  scale(x: tf.Tensor4D, factor: number): tf.Tensor4D {
    return tf.mul(x, factor);
  }

  block(x: tf.Tensor4D, part: (x: tf.Tensor4D) => tf.Tensor4D): tf.Tensor4D {
    const made = tf.tidy(() => part(x));
    x.dispose(); // 54 layers of a batch would be some 250 MB
    return made;
  }

  averagedDown(x: tf.Tensor4D, size: number): tf.Tensor4D {
    const factor = x.shape[1] / size;
    return factor > 1 && Number.isInteger(factor) ? tf.avgPool(x, factor, factor, 'valid') : x;
  }

  relu(x: tf.Tensor4D): tf.Tensor4D {
    return tf.relu(x);
  }

  /** TensorFlow's maxima and averages count no padding. */
  maxPool(x: tf.Tensor4D, where: 'halves' | 'around'): tf.Tensor4D {
    return where === 'halves' ? tf.maxPool(x, 3, 2, 'valid') : tf.maxPool(x, 3, 1, 'same');
  }

  averageAround(x: tf.Tensor4D): tf.Tensor4D {
    return tf.avgPool(x, 3, 1, 'same');
  }

  join(maps: readonly tf.Tensor4D[]): tf.Tensor4D {
    return tf.concat([...maps], 3);
  }

  /** A vector [N, C] is [N, 1, 1, C] here. */
  mean(x: tf.Tensor4D): tf.Tensor4D {
    return tf.mean(x, [1, 2], true);
  }

  linear(v: tf.Tensor4D, name: string): tf.Tensor4D {
    const [n, , , width] = v.shape;
    const weight = this.parameters.get(`${name}.weight`) as tf.Tensor2D;
    const product = tf.matMul(tf.reshape(v, [n, width]), weight, false, true);
    return tf.reshape(product, [n, 1, 1, weight.shape[0]]);
  }

  constant(key: string, make: () => tf.Tensor): tf.Tensor {
    let tensor = this.constants.get(key);
    if (!tensor) {
      tensor = tf.keep(make());
      this.constants.set(key, tensor);
    }
    return tensor;
  }

  dispose(): void {
    this.parameters.dispose();
    for (const tensor of this.constants.values()) tensor.dispose();
    this.constants.clear();
  }

  private resampled(
    x: tf.Tensor4D,
    size: number,
    way: string,
    matrix: (from: number) => AxisMatrix,
  ): tf.Tensor4D {
    const [, h, w] = x.shape;
    if (h === size && w === size) return x;
    const axis = (from: number) =>
      this.constant(`${way} ${from} ${size}`, () => axisTensor(matrix(from), from));
    return resampleAxes(x, axis(h), axis(w)) as tf.Tensor4D;
  }
}

/** ImageNet's mean and standard deviation of RGB in [0, 1] (torchvision's constants). */
export const IMAGENET_MEAN = [0.485, 0.456, 0.406];
export const IMAGENET_STD = [0.229, 0.224, 0.225];

/** Repeats grey images [N, H, W, 1] to three channels; RGB images pass unchanged. */
export function toRgb(x: tf.Tensor4D): tf.Tensor4D {
  return x.shape[3] === 1 ? tf.concat([x, x, x], 3) : x;
}

/** Maps images [N, H, W, 1 or 3] in [-1, 1] to RGB with ImageNet's statistics, which a network trained on them expects. */
export function imageNetNormalise(layers: FrozenLayers, x: tf.Tensor4D): tf.Tensor4D {
  const scale = layers.constant('scale', () => tf.tensor1d(IMAGENET_STD.map((s) => 0.5 / s)));
  const shift = layers.constant('shift', () =>
    tf.tensor1d(IMAGENET_MEAN.map((m, i) => (0.5 - m) / IMAGENET_STD[i]!)),
  );
  return tf.add(tf.mul(toRgb(x), scale), shift);
}

/**
 * Sizes of a network's four maps as the published discriminator counts them: of images of 256 where they are enlarged to
 * 224, whatever the strides of the network (pg_modules/projector.py).
 */
export const nominalSizes = (size: number): number[] =>
  [4, 8, 16, 32].map((stride) => Math.max(1, Math.floor((size === 224 ? 256 : size) / stride)));
