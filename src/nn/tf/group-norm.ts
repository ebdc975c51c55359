import * as tf from '@tensorflow/tfjs-core';
import { runKernel } from './kernels';
import { ownData } from './pixels';

/**
 * Constant matrices that average: products instead of reductions, because a reduction along the middle axis
 * transposes the whole activation first, and tiling has a gradient of many slices.
 */
export interface GroupAverages {
  /** [1, 1, pixels], each 1 / pixels. */
  overPixels: tf.Tensor;
  /** [1, C, G]: mean of the channels of each group. */
  toGroups: tf.Tensor;
  /** [1, G, C]: each group's value for its channels. */
  toChannels: tf.Tensor;
}

/** Sees mean and biased variance [N, G] of every group; must keep what it needs. */
export type GroupStatistics = (mean: tf.Tensor2D, variance: tf.Tensor2D) => void;

/** Group normalisation of [N, pixels, C] on a back-end that has it as one operation. */
export function fusedGroupNorm(
  x: tf.Tensor3D,
  scale: tf.Tensor,
  shift: tf.Tensor,
  { groups, eps }: { groups: number; eps: number },
  onStatistics?: GroupStatistics,
): tf.Tensor {
  const op = tf.customGrad((...args) => {
    const [input, weight, bias, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const [value, statistics] = runKernel<[tf.Tensor, tf.Tensor]>(
      'GroupNorm',
      { x: input, weight, bias },
      { groups, eps },
    );
    if (onStatistics) {
      const [mean, , variance] = tf.unstack(statistics) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
      onStatistics(mean, variance);
    }
    save([input, weight, statistics]);
    const gradFunc = (dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]) => {
      const [x0, weight0, statistics0] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
      const [dx, parameters] = runKernel<[tf.Tensor, tf.Tensor]>('GroupNormGradient', {
        dy: Array.isArray(dy) ? dy[0]! : dy,
        x: x0,
        weight: weight0,
        statistics: statistics0,
      });
      const [dShift, dScale] = tf.unstack(parameters) as [tf.Tensor, tf.Tensor];
      return [dx, dScale, dShift];
    };
    return { value, gradFunc };
  });
  return op(x, scale, shift);
}

/**
 * Group normalisation of [N, pixels, C] with its gradient written out (the stock one would run a dozen passes over
 * the activation). Variance in two passes, float32.
 *
 *   y = (x - mu) r w + b,   dx = r (w dy - mean(w dy) - xhat mean(w dy xhat)),   means over pixels and group
 */
export function groupNorm(
  x: tf.Tensor3D,
  scale: tf.Tensor,
  shift: tf.Tensor,
  averages: GroupAverages,
  eps: number,
): tf.Tensor {
  const overPixels = (t: tf.Tensor) => tf.matMul(averages.overPixels, ownData(t));
  const overGroup = (perChannel: tf.Tensor) =>
    tf.matMul(tf.matMul(perChannel, averages.toGroups), averages.toChannels);

  const op = tf.customGrad((...args) => {
    const [input, w, b, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const mean = overGroup(overPixels(input));
    const centred = tf.sub(input, mean);
    const r = tf.rsqrt(tf.add(overGroup(overPixels(tf.square(centred))), eps));
    const value = tf.add(tf.mul(centred, tf.mul(r, w)), b);
    save([input, w, mean, r]);
    const gradFunc = (dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]) => {
      const [x0, w0, mean0, r0] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const g = Array.isArray(dy) ? dy[0]! : dy;
      const pixels = x0.shape[1]!;
      const centred0 = tf.sub(x0, mean0);
      const meanDy = overPixels(g); // [N, 1, C]
      const meanDyXhat = tf.mul(overPixels(tf.mul(g, centred0)), r0);
      const groupDy = overGroup(tf.mul(meanDy, w0));
      const groupDyXhat = overGroup(tf.mul(meanDyXhat, w0));
      const dx = tf.sub(
        tf.sub(tf.mul(g, tf.mul(r0, w0)), tf.mul(centred0, tf.mul(tf.square(r0), groupDyXhat))),
        tf.mul(r0, groupDy),
      );
      const overBatch = (t: tf.Tensor) => tf.mul(tf.sum(t, [0, 1]), pixels);
      return [dx, overBatch(meanDyXhat), overBatch(meanDy)];
    };
    return { value, gradFunc };
  });
  return op(x, scale, shift);
}

/**
 * The gradients of <z, dx> in what dx, the gradient of a group norm, is made of: dy and x [N, pixels, C], weight [C]; z has
 * the shape of x, `statistics` [3, N, G] are mean, r = 1 / deviation and variance, which follow from x. With g = w dy,
 * means m() over pixels and group, and P t = t - m(t) - xhat m(t xhat):
 *
 *   dx = r P g,   d/d(dy) = w r P z,   d/dw = sum dy r P z,
 *   d/dx = -r^2 (xhat (m(z g) - m(z) m(g) - 3 m(z xhat) m(g xhat)) + m(g xhat) (z - m(z)) + m(z xhat) (g - m(g)))
 */
export function groupNormSecond(
  z: tf.Tensor,
  dy: tf.Tensor3D,
  x: tf.Tensor3D,
  weight: tf.Tensor1D,
  statistics: tf.Tensor3D,
): Record<'dy' | 'x' | 'weight', () => tf.Tensor> {
  const [n, pixels, channels] = x.shape;
  const groups = statistics.shape[2];
  const grouped = (t: tf.Tensor) => tf.reshape(t, [n, pixels, groups, channels / groups]);
  const mean = (t: tf.Tensor) => tf.mean(t, [1, 3], true);
  const [mu, r] = tf.unstack(tf.reshape(statistics, [3, n, 1, groups, 1]), 0) as [tf.Tensor, tf.Tensor];
  const xhat = tf.mul(tf.sub(grouped(x), mu), r);
  const z4 = grouped(z);
  const [z0, zx] = [mean(z4), mean(tf.mul(z4, xhat))];
  const projected = tf.mul(r, tf.sub(tf.sub(z4, z0), tf.mul(xhat, zx)));
  const flat = (t: tf.Tensor) => tf.reshape(t, x.shape);
  return {
    dy: () => tf.mul(flat(projected), weight),
    weight: () => tf.sum(tf.mul(flat(projected), dy), [0, 1]),
    x: () => {
      const g = grouped(tf.mul(dy, weight));
      const [g0, gx] = [mean(g), mean(tf.mul(g, xhat))];
      const both = tf.sub(tf.sub(mean(tf.mul(z4, g)), tf.mul(z0, g0)), tf.mul(3, tf.mul(zx, gx)));
      const sum = tf.addN([tf.mul(xhat, both), tf.mul(gx, tf.sub(z4, z0)), tf.mul(zx, tf.sub(g, g0))]);
      return flat(tf.neg(tf.mul(tf.square(r), sum)));
    },
  };
}
