import type * as tf from '@tensorflow/tfjs-core';
import { readyTensors } from '../../gpu/backends';
import { InnateError } from '../../lib/errors';
import { CifarResNet } from '../../nn/features/cifar-resnet';
import { EfficientNetLite0 } from '../../nn/features/efficientnet-lite0';
import { type InceptionInput, InceptionV3 } from '../../nn/features/inception';
import { MobileNetV1 } from '../../nn/features/mobilenet-v1';
import type { WeightSource } from '../../nn/weights';
import type { MeasureFeatures } from '../../protocol/measure';
import type { FeatureWeights } from './feature-networks';

/** A network that images are measured through. */
export interface MeasureNetwork {
  readonly dims: number;
  /** x [N, R, R, C] in [-1, 1] to [N, dims]. Call inside tf.tidy. */
  features(x: tf.Tensor4D): tf.Tensor2D;
  /** Classes of the logits, which the Inception score is made of; none on other networks. */
  readonly classes?: number;
  logits?(features: tf.Tensor2D): tf.Tensor2D;
  dispose(): void;
}

/** Size at which EfficientNet-Lite0 measures, in training/ too; MobileNet sees its own. */
const LITE0_SIZE = 128;

/** Named wherever a number is shown. */
export const FEATURE_WORDS: Readonly<Record<MeasureFeatures, string>> = {
  inception: 'Inception-v3 of FID, 2,048 features',
  resnet56: 'ResNet-56 trained on CIFAR-10, 64 features',
  lite0: 'EfficientNet-Lite0 trained on ImageNet, 320 features',
  mobilenet: 'MobileNetV1 0.25 trained on ImageNet, 256 features',
};

/**
 * Opens a feature network on the back-end. The caller disposes of it. `inception` has the weights of that network as
 * `openInception` gives them, and `input` says how images are resized for it.
 */
export async function openMeasureNetwork(
  features: MeasureFeatures,
  weights: FeatureWeights,
  inception: WeightSource | null,
  input: InceptionInput,
): Promise<MeasureNetwork> {
  await readyTensors();
  switch (features) {
    case 'inception':
      if (!inception)
        throw new InnateError(
          'bad-argument',
          'the Inception network of FID does not come with this program',
          {
            expected: 'a file with its weights',
          },
        );
      return new InceptionV3(inception, input);
    case 'lite0':
      return new EfficientNetLite0(await weights('efficientnet-lite0'), LITE0_SIZE);
    case 'mobilenet':
      return new MobileNetV1(await weights('mobilenet-v1-0.25'));
    case 'resnet56':
      return new CifarResNet(await weights('cifar10-resnet56'));
  }
}
