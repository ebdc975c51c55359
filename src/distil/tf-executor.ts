import * as tf from '@tensorflow/tfjs-core';
import '../nn/tf/gradients';
import { Denoiser, fourierFrequencies, oneHotRows } from '../nn/denoiser';
import { parameterSpecs } from '../nn/parameters';
import { Adam } from './adam';
import { AdversarialStep, type Shape4 } from './adversarial-step';
import { isAdversarial } from './config';
import { Discriminator, type FeatureNetwork } from './discriminator';
import { EMA } from './ema';
import {
  type ExecutorFacts,
  type ExecutorParts,
  featuresInOrder,
  type StepExecutor,
  type StepInputs,
  type StepNumbers,
} from './executor';
import { trainedBy } from './freeze';
import { instanceLoss } from './instance-loss';
import { InstanceStep } from './instance-step';
import { discriminatorBetas } from './lazy-regularisation';
import { overlay, prefixed, restoreTensors, type SavedTensors, type StateTensor } from './saved';
import { studentNetwork } from './student-network';
import { TargetNetwork } from './target-network';
import { fromTensor, TrainableParameters } from './trainable';

/**
 * Steps op by op on TensorFlow.js, on every back-end, for every method: the independent oracle of what is planned, and
 * what trains where nothing can be.
 */
export class TensorFlowExecutor implements StepExecutor {
  readonly facts: ExecutorFacts;
  /** TensorFlow.js counts what it holds itself. */
  readonly bytes = 0;
  private readonly generator: TrainableParameters;
  private readonly discriminator: Discriminator | null;
  private readonly ema: EMA;
  /** Of consistency distillation. */
  private readonly target: TargetNetwork | null;
  private readonly adamG: Adam;
  private readonly adamD: Adam;
  private readonly denoiser: Denoiser;
  private readonly teacher: Denoiser;
  private readonly features: readonly FeatureNetwork[];
  private readonly adversarial: AdversarialStep | null;
  private readonly instance: InstanceStep | null;

  /** `reason`: why the steps are not planned. */
  constructor(
    private readonly parts: ExecutorParts,
    reason: string | null,
  ) {
    const { network, config, saved } = parts;
    this.facts = {
      ...{ executor: 'tensorflow.js', label: `TensorFlow.js (${tf.getBackend()})`, reason, dtype: 'f32' },
      instead: config.dtype === 'f16' ? 'float16 is for recorded steps on WebGPU' : null,
    };
    const start = parts.student ?? parts.teacher;
    const freqs = fourierFrequencies(network, parts.teacher);
    const names = parameterSpecs(network.unet)
      .filter((spec) => !spec.buffer && !spec.optional)
      .map((spec) => spec.name);
    const trains = trainedBy(config, network.unet);
    this.generator = new TrainableParameters(overlay(start, saved, 'generator.'), names, trains);
    const student = studentNetwork(config, network);
    this.denoiser = new Denoiser(student, { parameters: this.generator, freqs, trains });
    this.teacher = Denoiser.open(network, parts.teacher);
    const variables = this.generator.variables();
    this.features = featuresInOrder(parts, this.teacher);
    this.discriminator = isAdversarial(config.method)
      ? new Discriminator(
          this.features,
          config,
          network.unet.labelDim,
          saved && prefixed(saved, 'heads.'),
          parts.classTable,
        )
      : null;
    this.adamG = new Adam(config.generatorRate);
    const { beta1, beta2 } = discriminatorBetas(config);
    this.adamD = new Adam(config.discriminatorRate, beta1, beta2);
    this.adversarial =
      this.discriminator &&
      new AdversarialStep({
        config,
        denoiser: this.denoiser,
        discriminator: this.discriminator,
        generatorSide: { variables, adam: this.adamG },
        discriminatorSide: { variables: this.discriminator.parameters.variables(), adam: this.adamD },
      });
    this.target =
      config.method === 'cd'
        ? new TargetNetwork(student, this.generator, freqs, config.targetDecay, saved)
        : null;
    this.instance = this.discriminator
      ? null
      : new InstanceStep({
          config,
          student,
          teacher: this.teacher,
          denoiser: this.denoiser,
          generatorSide: { variables, adam: this.adamG },
          loss: instanceLoss(config, this.features[0]),
          target: this.target,
        });
    this.ema = new EMA(variables);
    if (saved) this.restore(saved);
  }

  async step(inputs: StepInputs): Promise<StepNumbers> {
    const { unet } = this.parts.network;
    const { kind, iteration, classes, rates, updates, share, r1, onStage } = inputs;
    const labels = unet.labelDim && classes ? oneHotRows(classes, unet.labelDim) : null;
    const shape: Shape4 = [this.parts.config.batch, unet.imgResolution, unet.imgResolution, unet.inChannels];
    const real = tf.tensor4d(inputs.real, shape);
    Object.assign(this.adamG, { rate: rates.generator, steps: updates.generator });
    Object.assign(this.adamD, { rate: rates.discriminator, steps: updates.discriminator });
    const numbers = this.adversarial
      ? await this.adversarial.run({ iteration, real, labels, kind, withR1: r1, onStage })
      : await this.instance!.run(iteration, real, classes, labels, onStage);
    tf.dispose([real, labels ?? []]);
    if (kind !== 'discriminator') this.ema.update(this.generator.variables(), share);
    return numbers;
  }

  async averages(): Promise<Map<string, Float32Array>> {
    const out = new Map<string, Float32Array>();
    for (const [name, tensor] of this.ema.averages)
      out.set(name, fromTensor((await tensor.data()) as Float32Array, this.generator.shape(name)!));
    return out;
  }

  async state(): Promise<Map<string, StateTensor>> {
    const out = new Map<string, StateTensor>();
    const { generator, discriminator } = this;
    for (const name of generator.variables().keys()) {
      const shape = generator.shape(name)!;
      out.set(`generator.${name}`, { shape, values: await generator.fetch(name) });
      for (const [prefix, store] of [
        ['ema.', this.ema.averages],
        ['adamG.', this.adamG.second],
        ['target.', this.target?.averages],
      ] as const) {
        const tensor = store?.get(name);
        if (tensor)
          out.set(prefix + name, { shape, values: fromTensor((await tensor.data()) as Float32Array, shape) });
      }
    }
    if (!discriminator) return out;
    for (const [name, tensor] of await discriminator.state()) out.set(`heads.${name}`, tensor);
    for (const [name, second] of this.adamD.second) {
      const shape = discriminator.parameters.shape(name)!;
      out.set(`adamD.${name}`, { shape, values: fromTensor((await second.data()) as Float32Array, shape) });
    }
    return out;
  }

  dispose(): void {
    this.denoiser.dispose();
    this.teacher.dispose();
    this.discriminator?.dispose();
    for (const network of this.features) network.dispose?.();
    this.ema.dispose();
    this.target?.dispose();
    this.adamG.dispose();
    this.adamD.dispose();
  }

  private restore(saved: SavedTensors): void {
    restoreTensors(this.ema.averages, saved, 'ema.', this.generator);
    restoreTensors(this.adamG.second, saved, 'adamG.', this.generator);
    if (this.discriminator) restoreTensors(this.adamD.second, saved, 'adamD.', this.discriminator.parameters);
  }
}
