import { FEATURE_NAMES, type FeatureName } from '../../distil/config';
import type { FeatureNetwork } from '../../distil/discriminator';
import { readyTensors } from '../../gpu/backends';
import { InnateError } from '../../lib/errors';
import type { Denoiser } from '../../nn/denoiser';
import { CifarResNet } from '../../nn/features/cifar-resnet';
import { EfficientNetLite0 } from '../../nn/features/efficientnet-lite0';
import { MobileNetV1 } from '../../nn/features/mobilenet-v1';
import { TeacherEncoder } from '../../nn/features/teacher-encoder';
import type { WeightSource } from '../../nn/weights';

/** Reads `public/features/NAME.safetensors`, wherever that is. */
export type FeatureWeights = (name: string) => Promise<WeightSource>;

/** Loads what the discriminator looks through; the teacher's own encoder needs no weights of its own. */
export async function featureNetwork(
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

/** The network whose features Fréchet distances are measured on. The caller disposes of it. */
export async function measureNetwork(weights: FeatureWeights): Promise<CifarResNet> {
  await readyTensors();
  return new CifarResNet(await weights('cifar10-resnet56'));
}

function encoderFeatures(teacher: Denoiser): FeatureNetwork {
  const encoder = new TeacherEncoder(teacher);
  return {
    channels: encoder.channels,
    sizes: () => encoder.sizes(),
    maps(x, labels, random) {
      const sigmaNormals = random.normals(x.shape[0]);
      return encoder.maps(x, labels, random.normals(x.size), sigmaNormals);
    },
  };
}
