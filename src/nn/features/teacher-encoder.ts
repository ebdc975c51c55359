import * as tf from '@tensorflow/tfjs-core';
import { unetBlocks } from '../blocks';
import type { Denoiser } from '../denoiser';

/**
 * The frozen teacher's own encoder as a feature network: the last block of each resolution, of the image noised
 * at a low random sigma. Needs no other weights and fits any resolution and channel count.
 */
export class TeacherEncoder {
  readonly channels: number[];
  /** The blocks that it takes, finest first. */
  readonly names: readonly string[];
  private readonly resolutions: number[];

  constructor(
    private readonly teacher: Denoiser,
    /** ln(sigma) ~ N(mean, std). */
    private readonly mean = -1.5,
    private readonly std = 1,
  ) {
    const last = new Map<number, { name: string; channels: number }>();
    for (const b of unetBlocks(teacher.config.unet))
      if (b.kind === 'block' && b.name.startsWith('enc.') && b.resample === 'none')
        last.set(b.resolution, { name: b.name, channels: b.outChannels });
    const levels = [...last].sort(([a], [b]) => b - a).slice(-4); // four scales, as every discriminator here
    this.resolutions = levels.map(([resolution]) => resolution);
    this.names = levels.map(([, { name }]) => name);
    this.channels = levels.map(([, { channels }]) => channels);
  }

  sizes(): number[] {
    return this.resolutions;
  }

  /** Noise levels of images by a standard normal each. */
  sigmas(normals: Float32Array): number[] {
    return Array.from(normals, (z) => Math.exp(this.mean + this.std * z));
  }

  /** x [N, R, R, C]; `noise` of its size and one normal an image for sigma. Call inside tf.tidy. */
  maps(
    x: tf.Tensor4D,
    labels: tf.Tensor2D | null,
    noise: Float32Array,
    sigmaNormals: Float32Array,
  ): tf.Tensor4D[] {
    const n = x.shape[0];
    const sigmas = this.sigmas(sigmaNormals);
    const scaled = tf.mul(tf.tensor4d(noise, x.shape), tf.tensor4d(sigmas, [n, 1, 1, 1]));
    const found = new Map<string, tf.Tensor>();
    const wanted = new Set(this.names);
    this.teacher.encode(tf.add(x, scaled) as tf.Tensor4D, sigmas, labels, (name, value) => {
      if (wanted.has(name)) found.set(name, value);
    });
    return this.names.map((name) => found.get(name)! as tf.Tensor4D);
  }
}
