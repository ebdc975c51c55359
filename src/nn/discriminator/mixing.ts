import * as tf from '@tensorflow/tfjs-core';
import { bilinearMatrix } from '../resampling';
import { axisTensor, resampleAxes } from '../tf/pixels';
import type { HeadStyle } from './heads';

/** Draws the frozen random weights: uniform in [0, 1) and standard normal. */
export interface MixingRandom {
  uniforms(count: number): Float32Array;
  normals(count: number): Float32Array;
}

/**
 * The frozen random projections between a feature network and its heads (Sauer et al. 2021): 1x1 convolutions
 * across channels, then top-down across scales.
 *
 * 'paper': to 64, 128, 256, 512 channels; each scale is added to the one above, enlarged to twice its size
 * (bilinear, corners aligned) and mixed. 'small': at the maps' own sizes, a quarter of the work.
 */
export class Mixing {
  readonly channels: number[];
  readonly sizes: number[];
  private readonly across: tf.Tensor4D[] = [];
  private readonly down: tf.Tensor4D[] = [];
  private readonly acrossBias: tf.Tensor1D[] = [];
  private readonly downBias: tf.Tensor1D[] = [];
  private readonly axes = new Map<string, tf.Tensor>();

  constructor(
    private readonly style: HeadStyle,
    channels: readonly number[],
    sizes: readonly number[],
    random: MixingRandom,
  ) {
    const wide = channels.map((_, i) => 64 * 2 ** i);
    if (style === 'paper') {
      this.channels = wide.map((_, i) => (i === 0 ? 64 : wide[i - 1]!));
      this.sizes = sizes.map((s) => 2 * s);
      for (const [i, c] of channels.entries())
        this.across.push(this.layer(random, c, wide[i]!, this.acrossBias));
      for (const [i, c] of wide.entries())
        this.down.push(this.layer(random, c, this.channels[i]!, this.downBias));
    } else {
      this.channels = wide.map((w) => Math.min(w, 256));
      this.sizes = [...sizes];
      for (const [i, c] of channels.entries()) this.across.push(normalLayer(random, c, this.channels[i]!, 2));
      for (let i = 0; i + 1 < channels.length; i++)
        this.down.push(normalLayer(random, this.channels[i + 1]!, this.channels[i]!, 1));
    }
  }

  /** Maps [N, h, w, c], finest first, to the heads' inputs. Call inside tf.tidy. */
  mix(maps: readonly tf.Tensor4D[]): tf.Tensor4D[] {
    return this.style === 'paper' ? this.mixPaper(maps) : this.mixSmall(maps);
  }

  dispose(): void {
    tf.dispose([this.across, this.down, this.acrossBias, this.downBias, [...this.axes.values()]]);
    this.axes.clear();
  }

  private mixPaper(maps: readonly tf.Tensor4D[]): tf.Tensor4D[] {
    const out: tf.Tensor4D[] = [];
    let above: tf.Tensor4D | null = null;
    for (let i = maps.length - 1; i >= 0; i--) {
      let x: tf.Tensor = tf.add(tf.conv2d(maps[i]!, this.across[i]!, 1, 'valid'), this.acrossBias[i]!);
      if (above) x = tf.add(x, above);
      const enlarged = this.resize(x as tf.Tensor4D, 2 * maps[i]!.shape[1], true);
      above = tf.add(tf.conv2d(enlarged, this.down[i]!, 1, 'valid'), this.downBias[i]!) as tf.Tensor4D;
      out.unshift(above);
    }
    return out;
  }

  private mixSmall(maps: readonly tf.Tensor4D[]): tf.Tensor4D[] {
    const out = maps.map((map, i) => tf.conv2d(map, this.across[i]!, 1, 'valid'));
    for (let i = out.length - 2; i >= 0; i--) {
      const above = this.resize(out[i + 1]!, out[i]!.shape[1], false);
      out[i] = tf.mul(tf.add(out[i]!, tf.conv2d(above, this.down[i]!, 1, 'valid')), Math.SQRT1_2);
    }
    return out;
  }

  private resize(x: tf.Tensor4D, size: number, alignCorners: boolean): tf.Tensor4D {
    const from = x.shape[1];
    const key = `${from} ${size}`;
    let axis = this.axes.get(key);
    if (!axis) {
      axis = tf.keep(axisTensor(bilinearMatrix(from, size, alignCorners), from));
      this.axes.set(key, axis);
    }
    return resampleAxes(x, axis, axis) as tf.Tensor4D;
  }

  /** PyTorch's default initialisation: uniform in +-1 / sqrt(in), weight and bias. */
  private layer(random: MixingRandom, inC: number, outC: number, biases: tf.Tensor1D[]): tf.Tensor4D {
    const bound = 1 / Math.sqrt(inC);
    const draw = (count: number) => random.uniforms(count).map((u) => (2 * u - 1) * bound);
    biases.push(tf.keep(tf.tensor1d(draw(outC))));
    return tf.keep(tf.tensor4d(draw(inC * outC), [1, 1, inC, outC]));
  }
}

function normalLayer(random: MixingRandom, inC: number, outC: number, gain: number): tf.Tensor4D {
  const std = Math.sqrt(gain / inC);
  return tf.keep(
    tf.tensor4d(
      random.normals(inC * outC).map((z) => z * std),
      [1, 1, inC, outC],
    ),
  );
}
