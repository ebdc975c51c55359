import * as tf from '@tensorflow/tfjs-core';
import type { Ops } from './ops';
import { downsampleMatrix, upsampleMatrix } from './resampling';
import type { TfParameters } from './tf-parameters';

type T = tf.Tensor;
type Shape4 = [number, number, number, number];

/**
 * The networks' vocabulary on stock TensorFlow.js ops, NHWC: runs at once on any back-end and is
 * differentiable. Call inside tf.tidy.
 */
export class TfOps implements Ops<T> {
  private readonly constants = new Map<string, tf.Tensor>();

  constructor(private readonly parameters: TfParameters) {}

  scope(module: () => T): T {
    return tf.tidy(module);
  }

  conv2d(x: T, name: string, { pad, bias }: { pad: number; bias?: false }): T {
    const filter = this.parameters.get(`${name}.weight`) as tf.Tensor4D;
    const padding: [[number, number], [number, number], [number, number], [number, number]] = [
      [0, 0],
      [pad, pad],
      [pad, pad],
      [0, 0],
    ];
    const y = tf.conv2d(x as tf.Tensor4D, filter, 1, pad === 0 ? 'valid' : padding);
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
    // Per-channel means as a product with a row of 1/HW: a reduction along the middle axis would transpose
    // the whole activation first on every back-end.
    const average = this.constant(`average ${h * w}`, () =>
      tf.tensor(new Float32Array(h * w).fill(1 / (h * w)), [1, 1, h * w]),
    );
    const groupMean = (perChannel: T): T => {
      const grouped = tf.mean(tf.reshape(perChannel, [n, groups, c / groups]), 2, true);
      return tf.reshape(tf.tile(grouped, [1, 1, c / groups]), [n, 1, c]);
    };
    const centred = tf.sub(flat, groupMean(tf.matMul(average, flat)));
    const variance = groupMean(tf.matMul(average, tf.square(centred)));
    const gain = tf.mul(tf.rsqrt(tf.add(variance, eps)), this.parameters.get(`${name}.weight`));
    return tf.reshape(tf.add(tf.mul(centred, gain), this.parameters.get(`${name}.bias`)), [n, h, w, c]);
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

  private resample(x: T, key: string, build: (size: number) => { rows: number; values: Float32Array }): T {
    const [n, h, w, c] = x.shape as Shape4;
    const matrix = (size: number): tf.Tensor =>
      this.constant(`${key} ${size}`, () => {
        const { rows, values } = build(size);
        return tf.tensor(values, [1, rows, size]);
      });
    const rows = tf.matMul(matrix(h), ownData(tf.reshape(x, [n, h, w * c])));
    const height = rows.shape[1]!;
    const columns = tf.matMul(matrix(w), tf.reshape(rows, [n * height, w, c]));
    return tf.reshape(columns, [n, height, columns.shape[1]!, c]);
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

/**
 * The wasm back-end packs the second factor of an unbatched product once per data id, and takes the packed form
 * again for any other shape of the same data: wrong results from the second shape on. Such a factor gets
 * data of its own.
 */
function ownData(x: T): T {
  return x.shape[0] === 1 && tf.getBackend() === 'wasm' ? tf.mul(x, 1) : x;
}
