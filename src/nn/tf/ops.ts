import * as tf from '@tensorflow/tfjs-core';
import type { Ops } from '../ops';
import { attentionScores } from './attention';
import { fusedGroupNorm, type GroupAverages, groupNorm } from './group-norm';
import { hasKernel, runKernel } from './kernels';
import type { TensorParameters } from './parameters';
import { dilate, padPixels } from './pixels';

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
    if (bias !== false && hasKernel('BiasedConv2D'))
      return runKernel<T>(
        'BiasedConv2D',
        { x, filter, bias: this.parameters.get(`${name}.bias`) },
        { strides: 1, pad, dataFormat: 'NHWC' },
      );
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
    const [, h, w] = x.shape as Shape4;
    const size = (s: number) => Math.floor((s + 2 * pad - taps.length) / 2) + 1;
    if (hasKernel('Resample')) return this.resample(x, 'down', taps, pad, size(h), size(w));
    const filter = this.resampleFilter(x.shape[3]!, taps, 1);
    return tf.depthwiseConv2d(padPixels(x, pad) as tf.Tensor4D, filter, 2, 'valid');
  }

  upsample(x: T, taps: readonly number[]): T {
    const [, h, w] = x.shape as Shape4;
    if (hasKernel('Resample')) return this.resample(x, 'up', taps, (taps.length - 1) >> 1, 2 * h, 2 * w);
    // A transposed convolution: zeros between the pixels, then the filter (the published ones are symmetric).
    const filter = this.resampleFilter(x.shape[3]!, taps, 4);
    const before = taps.length - 1 - ((taps.length - 1) >> 1);
    const spread = padPixels(dilate(x as tf.Tensor4D, 2), before, before);
    return tf.depthwiseConv2d(spread as tf.Tensor4D, filter, 1, 'valid');
  }

  groupNorm(x: T, name: string, { groups, eps }: { groups: number; eps: number }): T {
    const [n, h, w, c] = x.shape as Shape4;
    const flat = tf.reshape(x, [n, h * w, c]) as tf.Tensor3D;
    const scale = this.parameters.get(`${name}.weight`);
    const shift = this.parameters.get(`${name}.bias`);
    const y = hasKernel('GroupNorm')
      ? fusedGroupNorm(flat, scale, shift, { groups, eps })
      : groupNorm(flat, scale, shift, this.groupAverages(h * w, c, groups), eps);
    return tf.reshape(y, [n, h, w, c]);
  }

  silu(x: T): T {
    return hasKernel('Silu') ? fusedSilu(x) : tf.mul(x, tf.sigmoid(x));
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
    const { scores, values } = attentionScores(qkv, heads);
    const mixed = tf.matMul(tf.softmax(scores), values);
    return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [n, h, w, c3 / 3]);
  }

  dispose(): void {
    for (const tensor of this.constants.values()) tensor.dispose();
    this.constants.clear();
  }

  private resample(
    x: T,
    direction: 'up' | 'down',
    taps: readonly number[],
    pad: number,
    outHeight: number,
    outWidth: number,
  ): T {
    const gain = (direction === 'up' ? 2 : 1) / taps.reduce((a, b) => a + b, 0);
    return runKernel<T>(
      'Resample',
      { x },
      { direction, taps: taps.map((t) => t * gain), pad, outHeight, outWidth },
    );
  }

  /** outer(taps, taps) * gain / sum^2 for every channel: [K, K, C, 1]. */
  private resampleFilter(channels: number, taps: readonly number[], gain: number): tf.Tensor4D {
    return this.constant(`filter ${taps} ${gain} ${channels}`, () => {
      const k = taps.length;
      const total = taps.reduce((a, b) => a + b, 0) ** 2;
      const values = new Float32Array(k * k * channels);
      for (let i = 0; i < k * k; i++)
        values.fill(
          (taps[Math.floor(i / k)]! * taps[i % k]! * gain) / total,
          i * channels,
          (i + 1) * channels,
        );
      return tf.tensor4d(values, [k, k, channels, 1]);
    }) as tf.Tensor4D;
  }

  private groupAverages(pixels: number, channels: number, groups: number): GroupAverages {
    const width = channels / groups;
    const member = (value: number, rows: number, columns: number) => () => {
      const values = new Float32Array(channels * groups);
      for (let i = 0; i < channels; i++) {
        const g = Math.floor(i / width);
        values[columns === groups ? i * groups + g : g * channels + i] = value;
      }
      return tf.tensor(values, [1, rows, columns]);
    };
    return {
      overPixels: this.constant(`pixels ${pixels}`, () =>
        tf.tensor(new Float32Array(pixels).fill(1 / pixels), [1, 1, pixels]),
      ),
      toGroups: this.constant(`groups ${channels} ${groups}`, member(1 / width, channels, groups)),
      toChannels: this.constant(`channels ${channels} ${groups}`, member(1, groups, channels)),
    };
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

const fusedSilu = tf.customGrad((...args) => {
  const [input, save] = args as unknown as [T, tf.GradSaveFunc];
  save([input]);
  return {
    value: runKernel<T>('Silu', { x: input }),
    gradFunc: (dy, saved) =>
      runKernel<T>('SiluGradient', { dy: Array.isArray(dy) ? dy[0]! : dy, x: saved[0]! }),
  };
});
