import * as tf from '@tensorflow/tfjs-core';
import { SIGMAS } from '../lib/noise-levels';
import type { NetworkConfig } from '../nn/config';
import '../nn/tf/gradients';
import { Denoiser, fourierFrequencies, oneHotRows, toNHWC } from '../nn/denoiser';
import { parameterSpecs } from '../nn/parameters';
import { heun } from '../nn/samplers';
import type { WeightSource } from '../nn/weights';
import { Adam } from './adam';
import { AdversarialStep, apply, type OnStage, type Shape4, type StepKind } from './adversarial-step';
import { checkNumbers, type DistilConfig, partSize } from './config';
import type { StepReport } from './curve';
import { type ClassTable, Discriminator, type FeatureNetwork } from './discriminator';
import { EMA } from './ema';
import { trainedBy } from './freeze';
import { generate } from './generator';
import { accumulate, microBatches } from './micro-batch';
import { RandomStream } from './random';
import { overlay, prefixed, restoreTensors, type SavedTensors } from './saved';
import { gradientNorm, scalars } from './scalars';
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
  network: NetworkConfig;
  teacher: WeightSource;
  /** Start from these weights instead of the teacher's. */
  student?: WeightSource;
  data: BatchSource;
  /** Made once the teacher is on the back-end; null for imitation. */
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
 * two steps (generator.ts), under a GAN loss alone (adversarial-step.ts). `imitation` regresses the teacher's own Heun samples instead: the comparison that
 * the paper's first claim needs.
 */
export class DistilTrainer {
  iteration: number;
  images: number;
  readonly generator: TrainableParameters;
  readonly discriminator: Discriminator | null;
  readonly ema: EMA;
  readonly adamG: Adam;
  readonly adamD: Adam;
  private readonly denoiser: Denoiser;
  private readonly teacher: Denoiser;
  private readonly variablesG: Map<string, tf.Variable>;
  private readonly adversarial: AdversarialStep | null;
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
    this.denoiser = new Denoiser(network, { parameters: this.generator, freqs, trains });
    this.teacher = Denoiser.open(network, parts.teacher);
    this.variablesG = this.generator.variables();
    this.discriminator = parts.features
      ? new Discriminator(
          parts.features(this.teacher),
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
      : await this.imitationStep(shape, classes, labels);
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

  private async imitationStep(shape: Shape4, classes: ArrayLike<number> | null, labels: tf.Tensor2D | null) {
    const { config, network } = this.parts;
    const count = shape.reduce((a, b) => a * b, 1);
    const z = new RandomStream(config.seed, 'generatorNoise', this.iteration).normals(count); // NCHW and NHWC alike
    const { inChannels, imgResolution } = network.unet;
    const size = inChannels * imgResolution ** 2;
    const nhwc = (values: Float32Array) => {
      const images = values.length / size;
      const channelsLast = toNHWC(values, images, inChannels, imgResolution ** 2);
      return tf.tensor4d(channelsLast, [images, imgResolution, imgResolution, inChannels]);
    };
    const sigma = config.startSigma;
    const input = nhwc(z.map((v) => v * sigma));
    const parts = microBatches(input, labels, partSize(config));
    const wanted: tf.Tensor4D[] = [];
    let from = 0;
    for (const { real: part } of parts) {
      const to = from + part.shape[0];
      const ofPart = classes && Array.from(classes).slice(from, to);
      const target = await heun(
        (x, level) => this.teacher.denoise(x, level, ofPart),
        z.subarray(from * size, to * size),
        { steps: config.imitationSteps, sigmaMin: SIGMAS.min, sigmaMax: sigma },
      );
      wanted.push(nhwc(target));
      from = to;
    }
    const { value, grads } = accumulate(
      parts,
      [...this.variablesG.values()],
      () => [],
      (part, _, index) =>
        tf.mean(
          tf.square(tf.sub(generate(this.denoiser, part.real, part.labels, config), wanted[index]!)),
        ) as tf.Scalar,
    );
    const norm = gradientNorm(grads);
    apply({ adam: this.adamG, variables: this.variablesG }, grads);
    if (parts.length > 1) tf.dispose(parts.map((p) => [p.real, p.labels ?? []]));
    tf.dispose([input, ...wanted]);
    const [lossG, gradientNormG] = await scalars([value, norm]);
    return {
      lossG: lossG!,
      gradientNormG: gradientNormG!,
      lossD: null,
      gradientNormD: null,
      r1: null,
      logitsReal: null,
      logitsFake: null,
    };
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
    this.adamG.dispose();
    this.adamD.dispose();
  }
}
