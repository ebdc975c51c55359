import * as tf from '@tensorflow/tfjs-core';
import type { Ops } from './ops';
import { type AxisMatrix, downsampleMatrix, upsampleMatrix } from './resampling';
import type { TensorParameters } from './tf-parameters';
import { axisTensor, ownData, padPixels, resampleAxes } from './tf-pixels';

type T = tf.Tensor;
type Shape4 = [number, number, number, number];

/**
 * The networks' vocabulary on stock TensorFlow.js ops, NHWC: runs at once on any back-end and is
 * differentiable. Call inside tf.tidy.
 */
export class TfOps implements Ops<T> {
  private readonly constants = new Map<string, tf.Tensor>();

  constructor(private readonly parameters: TensorParameters) {}

  scope(module: () => T): T {
    return tf.tidy(module);
  }

  conv2d(x: T, name: string, { pad, bias }: { pad: number; bias?: false }): T {
    const filter = this.parameters.get(`${name}.weight`) as tf.Tensor4D;
    // Padded by an op of its own where 'same' would not do: explicit padding has no gradient on every back-end.
    const same = 2 * pad + 1 === filter.shape[0];
    const input = (same ? x : padPixels(x, pad)) as tf.Tensor4D;
    const y = tf.conv2d(input, filter, 1, same ? 'same' : 'valid');
    return bias === false ? y : this.addBias(y, name);
  }

  addBias(x: T, name: string): T {
    return tf.add(x, this.parameters.get(`${name}.bias`));
  }

  downsample(x: T, taps: readonly number[], pad: number): T {
    return this.resample(x, `down ${taps} ${pad}`, (size) => downsampleMatrix(size, taps, pad));
  }

  upsample(x: T, taps: readonly number[]): T {
    return this.resample(x, `up ${taps}`, (size) => upsampleMatrix(size, taps));
  }

  groupNorm(x: T, name: string, { groups, eps }: { groups: number; eps: number }): T {
    const [n, h, w, c] = x.shape as Shape4;
    const flat = ownData(tf.reshape(x, [n, h * w, c]));
    const groupMean = this.groupMean(h * w, c, groups);
    const centred = tf.sub(flat, groupMean(flat));
    const variance = groupMean(tf.square(centred));
    const gain = tf.mul(tf.rsqrt(tf.add(variance, eps)), this.parameters.get(`${name}.weight`));
    return tf.reshape(tf.add(tf.mul(centred, gain), this.parameters.get(`${name}.bias`)), [n, h, w, c]);
  }

  /**
   * [n, pixels, c] to each channel's group mean [n, 1, c], as products with three constant matrices: a reduction
   * along the middle axis would transpose the whole activation first, and tiling has a gradient of many slices.
   */
  private groupMean(pixels: number, c: number, groups: number): (flat: T) => T {
    const width = c / groups;
    const overPixels = this.constant(`pixels ${pixels}`, () =>
      tf.tensor(new Float32Array(pixels).fill(1 / pixels), [1, 1, pixels]),
    );
    const member = (value: number, rows: number, columns: number) => () => {
      const values = new Float32Array(c * groups);
      for (let i = 0; i < c; i++) {
        const g = Math.floor(i / width);
        values[columns === groups ? i * groups + g : g * c + i] = value;
      }
      return tf.tensor(values, [1, rows, columns]);
    };
    const toGroups = this.constant(`groups ${c} ${groups}`, member(1 / width, c, groups));
    const toChannels = this.constant(`channels ${c} ${groups}`, member(1, groups, c));
    return (flat) => tf.matMul(tf.matMul(tf.matMul(overPixels, flat), toGroups), toChannels);
  }

  silu(x: T): T {
    return tf.mul(x, tf.sigmoid(x));
  }

  add(a: T, b: T): T {
    return tf.add(a, b);
  }

  scale(x: T, factor: number): T {
    return tf.mul(x, factor);
  }

  concat(a: T, b: T): T {
    return tf.concat([a, b], 3);
  }

  addVector(x: T, v: T): T {
    return tf.add(x, tf.reshape(v, [v.shape[0]!, 1, 1, v.shape[1]!]));
  }

  modulate(x: T, v: T): T {
    const [n, c2] = v.shape as [number, number];
    const [scale, shift] = tf.split(tf.reshape(v, [n, 1, 1, c2]), 2, 3) as [T, T];
    return tf.add(tf.mul(x, tf.add(scale, 1)), shift);
  }

  linear(v: T, name: string, options?: { bias?: false }): T {
    const y = tf.matMul(v, this.parameters.get(`${name}.weight`), false, true);
    return options?.bias === false ? y : this.addBias(y, name);
  }

  attention(qkv: T, heads: number): T {
    const [n, h, w, c3] = qkv.shape as Shape4;
    const width = c3 / 3 / heads;
    const pixels = h * w;
    // [n, pixels, head, channel, q|k|v] to [q|k|v, n, head, pixels, channel].
    const split = tf.transpose(tf.reshape(qkv, [n, pixels, heads, width, 3]), [4, 0, 2, 1, 3]);
    const [q, k, v] = tf.unstack(split, 0) as [T, T, T];
    const scores = tf.matMul(q, tf.mul(k, 1 / Math.sqrt(width)), false, true);
    const mixed = tf.matMul(tf.softmax(scores), v);
    return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [n, h, w, heads * width]);
  }

  dispose(): void {
    for (const tensor of this.constants.values()) tensor.dispose();
    this.constants.clear();
  }

  private resample(x: T, key: string, build: (size: number) => AxisMatrix): T {
    const [, h, w] = x.shape as Shape4;
    const matrix = (size: number) => this.constant(`${key} ${size}`, () => axisTensor(build(size), size));
    return resampleAxes(x, matrix(h), matrix(w));
  }

  /** `make` uploads data: an op would not run while the back-end only compiles. */
  private constant(key: string, make: () => tf.Tensor): tf.Tensor {
    let tensor = this.constants.get(key);
    if (!tensor) {
      tensor = tf.keep(make());
      this.constants.set(key, tensor);
    }
    return tensor;
  }
}
