import * as tf from '@tensorflow/tfjs-core';
import type { FeatureConvOptions, PooledOps, TokenOps } from '../ops';
import { type AxisMatrix, bilinearMatrix, tensorFlow1Matrix } from '../resampling';
import { attentionScores } from '../tf/attention';
import { type TensorParameters, TfParameters } from '../tf/parameters';
import { axisTensor, padPixels, resampleAxes } from '../tf/pixels';
import type { WeightSource } from '../weights';
import { paddingOf } from './padding';

/**
 * The layers of a frozen feature network: convolutions with their batch norm folded in (`NAME.weight`,
 * `NAME.bias`), differentiable in the image only.
 */
export class FrozenLayers implements PooledOps<tf.Tensor4D>, TokenOps<tf.Tensor4D> {
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
    const cutsPatches = padding === 'none' && stride === kernel && stride > 1;
    const [before, after] = paddingOf(padding, x.shape[1], kernel, stride);
    // An odd kernel of stride 1 needs no padding of our own, whatever its other side is (Inception's are 1 x 7).
    const same = padding !== 'none' && stride === 1 && before === after;
    const input = (same ? x : padPixels(x, before, after)) as tf.Tensor4D;
    const pad = same ? 'same' : 'valid';
    const y = cutsPatches
      ? patchProducts(x, filter)
      : depthwise
        ? // [C, 1, k, k] as published lies in memory as [k, k, 1, C] after the layout change: the same as [k, k, C, 1].
          tf.depthwiseConv2d(input, tf.reshape(filter, [kernel, kernel, filter.shape[3], 1]), stride, pad)
        : tf.conv2d(input, filter, stride, pad);
    const biased = (
      options.bias === false ? y : tf.add(y, this.parameters.get(`${name}.bias`))
    ) as tf.Tensor4D;
    if (activation === 'relu6') return tf.relu6(biased);
    return activation === 'relu' ? tf.relu(biased) : biased;
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

  /** Made of maxima of two: the stock gradient of a max pool is not on every back-end. */
  halved(x: tf.Tensor4D): tf.Tensor4D {
    const [n, h, w, c] = x.shape;
    const half = (t: tf.Tensor, axis: 1 | 2, at: 0 | 1): tf.Tensor => {
      const [begin, size] = [[0, 0, 0, 0], [...t.shape]];
      begin[axis] = at;
      size[axis] = 1;
      return tf.slice(t, begin, size);
    };
    const rows = tf.reshape(x, [(n * h) / 2, 2, w, c]);
    const high = tf.maximum(half(rows, 1, 0), half(rows, 1, 1));
    const columns = tf.reshape(high, [(n * h) / 2, w / 2, 2, c]);
    const most = tf.maximum(half(columns, 2, 0), half(columns, 2, 1));
    return tf.reshape(most, [n, h / 2, w / 2, c]);
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

  tokens(x: tf.Tensor4D, name: string, first: number): tf.Tensor4D {
    const [n, h, w, c] = x.shape;
    const row = tf.reshape(x, [n, h * w, 1, c]);
    const behind = tf.pad(row, [[0, 0], [first, 0], [0, 0], [0, 0]]); // biome-ignore format: one axis an entry
    return tf.add(behind, tf.reshape(this.parameters.get(`${name}.weight`), [1, first + h * w, 1, c]));
  }

  square(x: tf.Tensor4D, first: number): tf.Tensor4D {
    const [n, tokens, , c] = x.shape;
    const side = Math.sqrt(tokens - first);
    return tf.reshape(tf.slice(x, [0, first, 0, 0], [n, tokens - first, 1, c]), [n, side, side, c]);
  }

  normalised(x: tf.Tensor4D, eps: number): tf.Tensor4D {
    const centred = tf.sub(x, tf.mean(x, -1, true));
    return tf.mul(centred, tf.rsqrt(tf.add(tf.sum(tf.square(centred), -1, true), eps)));
  }

  gelu(x: tf.Tensor4D): tf.Tensor4D {
    return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
  }

  attention(qkv: tf.Tensor4D, heads: number): tf.Tensor4D {
    const { scores, values } = attentionScores(qkv, heads);
    const mixed = tf.transpose(tf.matMul(tf.softmax(scores), values), [0, 2, 1, 3]);
    const [n, h, w, c] = qkv.shape;
    return tf.reshape(mixed, [n, h, w, c / 3]);
  }

  /** Writes a block of pixels for each. */
  enlarged(x: tf.Tensor4D, name: string): tf.Tensor4D {
    const [n, rows, columns, c] = x.shape;
    const weight = this.parameters.get(`${name}.weight`);
    const [k, , outputs] = weight.shape as [number, number, number];
    const matrix = tf.reshape(weight, [k * k * outputs, c]);
    const blocks = tf.matMul(tf.reshape(x, [n * rows * columns, c]), matrix, false, true);
    const spread = tf.transpose(tf.reshape(blocks, [n * rows, columns, k, k * outputs]), [0, 2, 1, 3]);
    const y = tf.reshape(spread, [n, rows * k, columns * k, outputs]);
    return tf.add(y, this.parameters.get(`${name}.bias`));
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

/** A convolution whose stride is its kernel: a product over cut-out patches, whose gradient needs no zeros between pixels. */
function patchProducts(x: tf.Tensor4D, filter: tf.Tensor4D): tf.Tensor4D {
  const [n, h, w, c] = x.shape;
  const [k, , , outputs] = filter.shape;
  const [rows, columns] = [h / k, w / k];
  const cut = tf.transpose(tf.reshape(x, [n * rows, k, columns, k * c]), [0, 2, 1, 3]);
  const products = tf.matMul(
    tf.reshape(cut, [n * rows * columns, k * k * c]),
    tf.reshape(filter, [k * k * c, outputs]) as tf.Tensor2D,
  );
  return tf.reshape(products, [n, rows, columns, outputs]);
}

/** Repeats grey images [N, H, W, 1] to three channels; RGB images pass unchanged. */
export function toRgb(x: tf.Tensor4D): tf.Tensor4D {
  return x.shape[3] === 1 ? tf.concat([x, x, x], 3) : x;
}

/**
 * Sizes of a network's four maps as the published discriminator counts them: of images of 256 where they are enlarged to
 * 224, whatever the strides of the network (pg_modules/projector.py).
 */
export const nominalSizes = (size: number): number[] =>
  [4, 8, 16, 32].map((stride) => Math.max(1, Math.floor((size === 224 ? 256 : size) / stride)));
