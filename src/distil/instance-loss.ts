import * as tf from '@tensorflow/tfjs-core';
import type { DistilConfig } from './config';
import type { FeatureNetwork } from './discriminator';
import { RandomStream } from './random';

/** A distance of images [N, R, R, C], pair by pair: what instance-wise distillation makes small. Call inside tf.tidy. */
export interface InstanceLoss {
  /** What is kept of the images that are wanted; no gradient reaches them. */
  wanted(images: tf.Tensor4D): tf.Tensor4D[];
  distance(images: tf.Tensor4D, wanted: readonly tf.Tensor4D[]): tf.Scalar;
}

/** Mean squared difference of pixels. */
const PIXELS: InstanceLoss = {
  wanted: (images) => [tf.clone(images)],
  distance: (images, [wanted]) => tf.mean(tf.square(tf.sub(images, wanted!))) as tf.Scalar,
};

/**
 * LPIPS (Zhang et al. 2018) without learned weights: the squared difference of feature maps whose every position was
 * scaled to unit length across channels, summed over channels and maps, a mean over positions and images.
 */
function onFeatures(network: FeatureNetwork): InstanceLoss {
  const look = (images: tf.Tensor4D) =>
    network.maps(images, null, new RandomStream(0, 'featureNoise', 0)).map(unit);
  return {
    wanted: look,
    distance: (images, wanted) =>
      tf.addN(
        look(images).map((map, i) => tf.mean(tf.sum(tf.square(tf.sub(map, wanted[i]!)), 3))),
      ) as tf.Scalar,
  };
}

/** [N, H, W, C] scaled to length 1 across C at every position. */
const unit = (map: tf.Tensor4D): tf.Tensor4D =>
  tf.mul(map, tf.rsqrt(tf.add(tf.sum(tf.square(map), 3, true), 1e-10)));

/** `features`: EfficientNet-Lite0, where the run's loss is on its features. */
export const instanceLoss = (
  { instanceLoss }: Pick<DistilConfig, 'instanceLoss'>,
  features: FeatureNetwork | undefined,
): InstanceLoss => (instanceLoss === 'lite0' ? onFeatures(features!) : PIXELS);
