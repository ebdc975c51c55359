import * as tf from '@tensorflow/tfjs';
import type { Ops } from '../../../src/nn/ops';
import { toHWIO } from '../../../src/nn/tf/parameters';
import type { WeightSource } from '../../../src/nn/weights';

type T = tf.Tensor;

/**
 * The networks' vocabulary as a careful user of TensorFlow.js would write it, NHWC, with the fused ops that the
 * library offers. It shares nothing with the project's own executor, so that work on that one does not change
 * what it is compared with.
 */
export class PlainOps implements Ops<T> {
  private readonly kept = new Map<string, T>();

  constructor(private readonly weights: WeightSource) {}

  scope(module: () => T): T {
    return tf.tidy(module);
  }

  conv2d(x: T, name: string, { pad, bias }: { pad: number; bias?: false }): T {
    return tf.fused.conv2d({
      x: x as tf.Tensor4D,
      filter: this.parameter(`${name}.weight`) as tf.Tensor4D,
      strides: 1,
      pad,
      dimRoundingMode: 'floor',
      bias: bias === false ? undefined : this.parameter(`${name}.bias`),
    });
  }

  addBias(x: T, name: string): T {
    return tf.add(x, this.parameter(`${name}.bias`));
  }

  downsample(x: T, taps: readonly number[], pad: number): T {
    const filter = this.filter(x.shape[3]!, taps, 1);
    return tf.depthwiseConv2d(x as tf.Tensor4D, filter, 2, pad, 'NHWC', 1, 'floor');
  }

  upsample(x: T, taps: readonly number[]): T {
    // The library has no transposed depthwise convolution: zeros between the pixels, then the filter.
    const [n, h, w, c] = x.shape as [number, number, number, number];
    const rows = tf.pad(tf.reshape(x, [n * h, 1, w, c]), [
      [0, 0],
      [0, 1],
      [0, 0],
      [0, c],
    ]);
    const spread = tf.reshape(rows, [n, 2 * h, 2 * w, c]) as tf.Tensor4D;
    const before = taps.length - 1 - ((taps.length - 1) >> 1);
    const after = taps.length - 1 - before;
    return tf.depthwiseConv2d(spread, this.filter(c, taps, 4), 1, [
      [0, 0],
      [before, after],
      [before, after],
      [0, 0],
    ] as unknown as 'same');
  }

  groupNorm(x: T, name: string, { groups, eps }: { groups: number; eps: number }): T {
    const [n, h, w, c] = x.shape as [number, number, number, number];
    const grouped = tf.reshape(x, [n, h * w, groups, c / groups]);
    const { mean, variance } = tf.moments(grouped, [1, 3], true);
    const normed = tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, eps)));
    return tf.add(
      tf.mul(tf.reshape(normed, [n, h, w, c]), this.parameter(`${name}.weight`)),
      this.parameter(`${name}.bias`),
    );
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
    return tf.fused.matMul({
      a: v,
      b: this.parameter(`${name}.weight`),
      transposeA: false,
      transposeB: true,
      bias: options?.bias === false ? undefined : this.parameter(`${name}.bias`),
    });
  }

  attention(qkv: T, heads: number): T {
    const [n, h, w, c3] = qkv.shape as [number, number, number, number];
    const width = c3 / 3 / heads;
    const parts = tf.transpose(tf.reshape(qkv, [n, h * w, heads, width, 3]), [4, 0, 2, 1, 3]);
    const [q, k, v] = tf.unstack(parts) as [T, T, T];
    const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(width));
    const mixed = tf.matMul(tf.softmax(scores), v);
    return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [n, h, w, heads * width]);
  }

  private parameter(name: string): T {
    return this.keep(name, () => {
      const shape = this.weights.shape(name)!;
      const values = this.weights.read(name);
      if (shape.length !== 4) return tf.tensor(values, [...shape]);
      return tf.tensor(toHWIO(values, shape), [shape[2]!, shape[3]!, shape[1]!, shape[0]!]);
    });
  }

  /** outer(taps, taps) * gain / sum^2 for every channel: [K, K, C, 1]. */
  private filter(channels: number, taps: readonly number[], gain: number): tf.Tensor4D {
    return this.keep(`filter ${taps} ${gain} ${channels}`, () => {
      const k = taps.length;
      const total = taps.reduce((a, b) => a + b, 0) ** 2;
      const one = Float32Array.from(
        { length: k * k },
        (_, i) => (taps[Math.floor(i / k)]! * taps[i % k]! * gain) / total,
      );
      const values = Float32Array.from(
        { length: k * k * channels },
        (_, i) => one[Math.floor(i / channels)]!,
      );
      return tf.tensor4d(values, [k, k, channels, 1]);
    }) as tf.Tensor4D;
  }

  private keep(key: string, make: () => T): T {
    let tensor = this.kept.get(key);
    if (!tensor) {
      tensor = tf.keep(make());
      this.kept.set(key, tensor);
    }
    return tensor;
  }
}
