import * as tf from '@tensorflow/tfjs-core';
import type { NetworkConfig } from '../nn/config';
import '../nn/tf/gradients';
import { Denoiser, fourierFrequencies, oneHotRows, toNHWC } from '../nn/denoiser';
import { parameterSpecs } from '../nn/parameters';
import type { WeightSource } from '../nn/weights';
import { Adam } from './adam';
import { AdversarialStep, type OnStage, type Shape4, type StepKind } from './adversarial-step';
import { checkNumbers, type DistilConfig, isAdversarial } from './config';
import type { StepReport } from './curve';
import { type ClassTable, Discriminator, type FeatureNetwork } from './discriminator';
import { EMA } from './ema';
import { trainedBy } from './freeze';
import { instanceLoss } from './instance-loss';
import { InstanceStep } from './instance-step';
import { overlay, prefixed, restoreTensors, type SavedTensors } from './saved';
import { studentNetwork } from './student-network';
import { TargetNetwork } from './target-network';
import { fromTensor, TrainableParameters } from './trainable';

export type { StepKind } from './adversarial-step';
export type { SavedTensors } from './saved';

/** Where real images come from; `position` says where to go on. */
export interface BatchSource {
  next(count: number): Promise<{ images: Float32Array; labels: ArrayLike<number> | null }>;
  readonly position: number;
}

/** Optimiser steps so far; R1 steps count as the discriminator's. */
export interface Updates {
  generator: number;
  discriminator: number;
}

export interface TrainerParts {
  /** The teacher's. */
  network: NetworkConfig;
  teacher: WeightSource;
  /** Start from these weights instead of the teacher's. */
  student?: WeightSource;
  data: BatchSource;
  /** Made once the teacher is on the back-end; null where pixels are compared. */
  features: ((teacher: Denoiser) => FeatureNetwork[]) | null;
  /** Class embeddings that the paper's heads begin from; random ones where there are none. */
  classTable?: ClassTable | null;
  config: DistilConfig;
  saved?: SavedTensors;
  iteration?: number;
  images?: number;
  /** Of the saved state; where it does not say, every iteration was a whole one. */
  updates?: Updates;
  /** Told what a step is at, stage by stage. */
  onStage?: OnStage;
}

/**
 * GDD and GDD-I (Zheng & Yang 2024): the generator is a copy of the teacher, run once at the start sigma, or in
 * two steps (generator.ts), under a GAN loss alone (adversarial-step.ts). `imitation` and `cd` follow the teacher image
 * by image (instance-step.ts): the comparison that the paper's first claim needs.
 */
export class DistilTrainer {
  iteration: number;
  images: number;
  readonly generator: TrainableParameters;
  readonly discriminator: Discriminator | null;
  readonly ema: EMA;
  /** Of consistency distillation. */
  readonly target: TargetNetwork | null;
  readonly adamG: Adam;
  readonly adamD: Adam;
  private readonly denoiser: Denoiser;
  private readonly teacher: Denoiser;
  private readonly variablesG: Map<string, tf.Variable>;
  private readonly adversarial: AdversarialStep | null;
  private readonly instance: InstanceStep | null;
  /** Corrected for lazy regularisation. */
  private readonly discriminatorRate: number;

  constructor(private readonly parts: TrainerParts) {
    const { network, config, saved } = parts;
    checkNumbers(config);
    this.iteration = parts.iteration ?? 0;
    this.images = parts.images ?? 0;
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
    this.variablesG = this.generator.variables();
    const features = parts.features?.(this.teacher) ?? [];
    this.discriminator = isAdversarial(config.method)
      ? new Discriminator(
          features,
          config,
          network.unet.labelDim,
          saved && prefixed(saved, 'heads.'),
          parts.classTable,
        )
      : null;
    const variablesD = this.discriminator?.parameters.variables() ?? new Map();

    // Lazy regularisation: the R1 step is one in r1Every + 1, so the others count for that much less.
    const share = config.r1Gamma > 0 ? config.r1Every / (config.r1Every + 1) : 1;
    this.adamG = new Adam(config.generatorRate);
    this.adamD = new Adam(config.discriminatorRate * share, 0, 0.99 ** share);
    this.discriminatorRate = config.discriminatorRate * share;
    this.adversarial =
      this.discriminator &&
      new AdversarialStep({
        config,
        denoiser: this.denoiser,
        discriminator: this.discriminator,
        generatorSide: { variables: this.variablesG, adam: this.adamG },
        discriminatorSide: { variables: variablesD, adam: this.adamD },
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
          generatorSide: { variables: this.variablesG, adam: this.adamG },
          loss: instanceLoss(config, features[0]),
          target: this.target,
        });
    this.ema = new EMA(this.variablesG, config.emaHalfLife, config.emaRampUp);
    if (saved) this.restore(saved);
  }

  get updates(): Updates {
    return { generator: this.adamG.steps, discriminator: this.adamD.steps };
  }

  /** One iteration on the next batch. A step of one network alone counts as an iteration too: noise is never drawn twice. */
  async step(kind: StepKind = 'both'): Promise<StepReport> {
    const { config, network } = this.parts;
    const { images, labels: classes } = await this.parts.data.next(config.batch);
    const { unet } = network;
    const labels = unet.labelDim && classes ? oneHotRows(classes, unet.labelDim) : null;
    const shape: Shape4 = [config.batch, unet.imgResolution, unet.imgResolution, unet.inChannels];
    const real = tf.tensor4d(toNHWC(images, config.batch, unet.inChannels, unet.imgResolution ** 2), shape);
    this.setRates();
    const report = this.adversarial
      ? await this.adversarial.run(this.iteration, real, labels, kind, this.parts.onStage)
      : await this.instance!.run(this.iteration, real, classes, labels, this.parts.onStage);
    tf.dispose([real, labels ?? []]);
    if (kind !== 'discriminator') this.ema.update(this.variablesG, this.images, config.batch);
    this.images += config.batch;
    this.iteration++;
    return { ...report, iteration: this.iteration, images: this.images };
  }

  /** Both rates rise in equal steps over the first `warmUp` images. */
  private setRates(): void {
    const { generatorRate, warmUp, batch } = this.parts.config;
    const share = warmUp > 0 ? Math.min(1, (this.images + batch) / warmUp) : 1;
    this.adamG.rate = generatorRate * share;
    this.adamD.rate = this.discriminatorRate * share;
  }

  /** The averaged student: a whole network in the published layout. */
  async student(): Promise<WeightSource> {
    const averaged = new Map<string, Float32Array>();
    for (const [name, tensor] of this.ema.averages)
      averaged.set(name, fromTensor((await tensor.data()) as Float32Array, this.generator.shape(name)!));
    const { teacher } = this.parts;
    const start = this.parts.student ?? teacher;
    return {
      names: () => start.names(),
      shape: (name) => start.shape(name),
      read: (name) => averaged.get(name) ?? start.read(name),
    };
  }

  private restore(saved: SavedTensors): void {
    restoreTensors(this.ema.averages, saved, 'ema.', this.generator);
    restoreTensors(this.adamG.second, saved, 'adamG.', this.generator);
    if (this.discriminator) restoreTensors(this.adamD.second, saved, 'adamD.', this.discriminator.parameters);
    const { updates, config } = this.parts;
    const r1Steps = config.r1Gamma > 0 ? Math.max(0, Math.ceil(this.iteration / config.r1Every) - 1) : 0;
    this.adamG.steps = updates?.generator ?? this.iteration;
    this.adamD.steps = updates?.discriminator ?? this.iteration + r1Steps;
  }

  dispose(): void {
    this.denoiser.dispose();
    this.teacher.dispose();
    this.discriminator?.dispose();
    this.ema.dispose();
    this.target?.dispose();
    this.adamG.dispose();
    this.adamD.dispose();
  }
}
