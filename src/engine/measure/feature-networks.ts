import {
  type DistilConfig,
  FEATURE_NAMES,
  type FeatureName,
  type FileFeature,
  featuresOf,
  isAdversarial,
} from '../../distil/config';
import type { FeatureNetwork } from '../../distil/discriminator';
import { RandomStream } from '../../distil/random';
import { InnateError } from '../../lib/errors';
import type { Denoiser } from '../../nn/denoiser';
import { DistilledDeiT } from '../../nn/features/deit';
import { EfficientNetLite0 } from '../../nn/features/efficientnet-lite0';
import { MobileNetV1 } from '../../nn/features/mobilenet-v1';
import { TeacherEncoder } from '../../nn/features/teacher-encoder';
import { VGG16BN } from '../../nn/features/vgg16-bn';
import type { WeightSource } from '../../nn/weights';

/** Reads `public/features/NAME.safetensors`, wherever that is. */
export type FeatureWeights = (name: string) => Promise<WeightSource>;

/**
 * Loads what the run looks through: for a discriminator the network of `config.features`, and a second one from a person's
 * file where `config.secondFeatures` names one; for a loss on features EfficientNet-Lite0. The teacher's own encoder needs no weights of its own.
 */
export async function featureNetworks(
  config: DistilConfig,
  weights: FeatureWeights,
  secondWeights: WeightSource | undefined,
): Promise<(teacher: Denoiser) => FeatureNetwork[]> {
  const { secondFeatures, featureSize } = config;
  const first = await shipped(featuresOf(config) ?? config.features, featureSize, weights);
  if (secondFeatures === 'none' || !isAdversarial(config.method)) return (teacher) => [first(teacher)];
  if (!secondWeights)
    throw new InnateError('bad-argument', 'the weights of the second feature network are missing', {
      where: secondFeatures,
      hint: 'Give their file with --second-features',
    });
  return (teacher) => [first(teacher), ofFile(secondFeatures, secondWeights, featureSize)];
}

async function shipped(
  name: FeatureName,
  size: number,
  weights: FeatureWeights,
): Promise<(teacher: Denoiser) => FeatureNetwork> {
  if (name === 'teacher-encoder') return encoderFeatures;
  if (name === 'efficientnet-lite0') {
    const source = await weights(name);
    return () => new EfficientNetLite0(source, size);
  }
  if (name === 'mobilenet-v1-0.25') {
    const source = await weights(name);
    return () => new MobileNetV1(source, size);
  }
  throw new InnateError('bad-argument', 'no such feature network', {
    expected: FEATURE_NAMES.join(', '),
    found: name,
  });
}

/** The random adapters of a vision transformer are drawn once for all runs, as the mixing is. */
const ofFile = (name: FileFeature, weights: WeightSource, size: number): FeatureNetwork =>
  name === 'vgg16-bn'
    ? new VGG16BN(weights, size)
    : new DistilledDeiT(weights, new RandomStream(3, 'adapters', 0), size);

/** The teacher's own encoder. */
export function encoderFeatures(teacher: Denoiser): FeatureNetwork {
  const encoder = new TeacherEncoder(teacher);
  return {
    channels: encoder.channels,
    encoder,
    sizes: () => encoder.sizes(),
    maps(x, labels, random) {
      const sigmaNormals = random.normals(x.shape[0]);
      return encoder.maps(x, labels, random.normals(x.size), sigmaNormals);
    },
  };
}
