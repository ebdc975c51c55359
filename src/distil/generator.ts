import * as tf from '@tensorflow/tfjs-core';
import type { Denoiser } from '../nn/denoiser';
import { type DistilConfig, studentSampling } from './config';

/**
 * The student's images [N, H, W, C] from x = sigma z, as `run_G` of Zyriix/D2O (training/loss.py) makes them: D(x, t) at
 * the start sigma t; in two steps the point at sigma u of the straight line from x towards that image, denoised again.
 * Nothing is detached and nothing is drawn in between: gradients go through both evaluations and the line.
 *
 * The point x + (x0 - x) / t (t - u) is written x0 + (x - x0) u / t, where float32 loses less: x is large, u / t small.
 */
export function generate(
  denoiser: Pick<Denoiser, 'forward'>,
  x: tf.Tensor4D,
  labels: tf.Tensor2D | null,
  config: Pick<DistilConfig, 'startSigma' | 'nfe' | 'sigmaMid'>,
): tf.Tensor4D {
  const { sigma, sigmaMid } = studentSampling(config);
  const first = denoiser.forward(x, [sigma], labels);
  if (sigmaMid === null) return first;
  const moved = tf.add(first, tf.mul(tf.sub(x, first), sigmaMid / sigma)) as tf.Tensor4D;
  return denoiser.forward(moved, [sigmaMid], labels);
}
