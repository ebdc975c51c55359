import { readyTensors } from '../../gpu/backends';
import { InnateError, OutOfMemory } from '../../lib/errors';
import { CifarResNet } from '../../nn/features/cifar-resnet';
import { EfficientNetLite0 } from '../../nn/features/efficientnet-lite0';
import { type InceptionInput, InceptionV3 } from '../../nn/features/inception';
import { MobileNetV1 } from '../../nn/features/mobilenet-v1';
import type { PooledNetwork } from '../../nn/ops';
import { type OpenExecutor, Unplanned } from '../../nn/plan/training/executor';
import type { WeightSource } from '../../nn/weights';
import type { MeasureFeatures } from '../../protocol/measure';
import type { FeatureWeights } from './feature-networks';
import type { FeaturePass, PixelBatch } from './feature-pass';
import { TensorFeatures } from './tensor-features';

/** A network that images are measured through. */
export interface MeasureNetwork extends FeaturePass {
  readonly dims: number;
  /** Classes of the logits, which the Inception score is made of; none on other networks. */
  readonly classes?: number | undefined;
}

/** What a network is that images can be measured through. */
type Measurable = PooledNetwork & { readonly dims: number; readonly classes?: number };

/** Size at which EfficientNet-Lite0 measures, in training/ too; MobileNet sees its own. */
const LITE0_SIZE = 128;

/** Named wherever a number is shown. */
export const FEATURE_WORDS: Readonly<Record<MeasureFeatures, string>> = {
  inception: 'Inception-v3 of FID, 2,048 features',
  resnet56: 'ResNet-56 trained on CIFAR-10, 64 features',
  lite0: 'EfficientNet-Lite0 trained on ImageNet, 320 features',
  mobilenet: 'MobileNetV1 0.25 trained on ImageNet, 256 features',
};

export interface MeasureNetworkOptions {
  features: MeasureFeatures;
  /** Of the networks that come with Innate. */
  weights: FeatureWeights;
  /** Of Inception, as `openInception` gives them. */
  inception?: WeightSource | null;
  /** How images are resized for Inception. */
  input?: InceptionInput;
  /** What executes recorded graphs on the back-end; undefined: TensorFlow.js runs the network op by op. */
  plan?: OpenExecutor | undefined;
}

/** Opens a feature network on the back-end. The caller disposes of it. */
export async function openMeasureNetwork(options: MeasureNetworkOptions): Promise<MeasureNetwork> {
  await readyTensors();
  return openOnBackend(await networkOf(options), options.plan);
}

async function networkOf({
  features,
  weights,
  inception,
  input,
}: MeasureNetworkOptions): Promise<Measurable> {
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

/** A network on the fastest path that the back-end has for it. */
export async function openOnBackend(net: Measurable, plan?: OpenExecutor): Promise<MeasureNetwork> {
  if (!plan) return new OnBackend(net, new TensorFeatures(net));
  const { PlannedFeatures } = await import('./planned-features');
  return new OnBackend(net, await PlannedFeatures.open(net, plan));
}

class OnBackend implements MeasureNetwork {
  constructor(
    private readonly net: Measurable,
    private pass: FeaturePass,
  ) {}

  get dims(): number {
    return this.net.dims;
  }

  get classes(): number | undefined {
    return this.net.classes;
  }

  /** Op by op a network holds few maps at a time: what has no plan or no room for one is run so. */
  async run(batch: PixelBatch): Promise<ReadonlyMap<string, Float32Array>> {
    try {
      return await this.pass.run(batch);
    } catch (error) {
      if (!(error instanceof Unplanned || error instanceof OutOfMemory)) throw error;
      this.pass.dispose();
      this.pass = new TensorFeatures(this.net);
      return this.pass.run(batch);
    }
  }

  dispose(): void {
    this.pass.dispose();
  }
}
