import * as tf from '@tensorflow/tfjs-core';
import type { NetworkConfig } from '../nn/config';
import '../nn/gradients';
import { Denoiser, fourierFrequencies, oneHotRows, toNHWC } from '../nn/denoiser';
import type { SpectralState } from '../nn/discriminator/forward';
import { parameterSpecs } from '../nn/parameters';
import { heun } from '../nn/samplers';
import type { WeightSource } from '../nn/weights';
import { Adam } from './adam';
import { checkConfig, type DistilConfig } from './config';
import { Discriminator, type FeatureNetwork } from './discriminator';
import { EMA } from './ema';
import { trainedBy } from './freeze';
import { discriminatorLoss, generatorLoss } from './losses';
import { accumulate, addGradients, type MicroBatch, microBatches, weightedMean } from './micro-batch';
import { r1Gradients } from './r1';
import { RandomStream } from './random';
import { overlay, prefixed, restoreTensors, type SavedTensors } from './saved';
import { gradientNorm, scalars } from './scalars';
import { fromTensor, TrainableParameters } from './trainable';

export type { SavedTensors } from './saved';

/** Noise level of the one step. */
const SIGMA = 80;

/** Where real images come from; `position` says where to go on. */
export interface BatchSource {
  next(count: number): Promise<{ images: Float32Array; labels: ArrayLike<number> | null }>;
  readonly position: number;
}

export interface StepReport {
  iteration: number;
  /** Real images seen, this step included. */
  images: number;
  /** null where only the discriminator was updated. */
  lossG: number | null;
  lossD: number | null;
  /** E|d logits/dx|^2, on the iterations that took it. */
  r1: number | null;
  logitsReal: number | null;
  logitsFake: number | null;
  /** Root of the summed squares of all gradients. */
  gradientNormG: number | null;
  gradientNormD: number | null;
}

/** What a step updates: one network alone, or the generator and then the discriminator. */
export type StepKind = 'both' | 'generator' | 'discriminator';

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
  features: ((teacher: Denoiser) => FeatureNetwork) | null;
  config: DistilConfig;
  saved?: SavedTensors;
  iteration?: number;
  images?: number;
  /** Of the saved state; where it does not say, every iteration was a whole one. */
  updates?: Updates;
}

/**
 * GDD and GDD-I (Zheng & Yang 2024): the generator is a copy of the teacher, run once at sigma 80 under a GAN loss
 * alone. One iteration is a G step, a D step and, lazily, an R1 step. `imitation` regresses the teacher's own
 * Heun samples instead: the comparison that the paper's first claim needs.
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
  private readonly variablesD: Map<string, tf.Variable>;

  constructor(private readonly parts: TrainerParts) {
    const { network, config, saved } = parts;
    checkConfig(config);
    this.iteration = parts.iteration ?? 0;
    this.images = parts.images ?? 0;
    const start = parts.student ?? parts.teacher;
    const freqs = fourierFrequencies(network, parts.teacher);
    const names = parameterSpecs(network.unet)
      .filter((spec) => !spec.buffer && !spec.optional)
      .map((spec) => spec.name);
    this.generator = new TrainableParameters(
      overlay(start, saved, 'generator.'),
      names,
      trainedBy(config.method, network.unet),
    );
    this.denoiser = new Denoiser(network, { parameters: this.generator, freqs });
    this.teacher = Denoiser.open(network, parts.teacher);
    this.variablesG = this.generator.variables();
    this.discriminator = parts.features
      ? new Discriminator(
          parts.features(this.teacher),
          config,
          network.unet.labelDim,
          saved && prefixed(saved, 'heads.'),
        )
      : null;
    this.variablesD = this.discriminator?.parameters.variables() ?? new Map();

    // Lazy regularisation: the R1 step is one in r1Every + 1, so the others count for that much less.
    const share = config.r1Gamma > 0 ? config.r1Every / (config.r1Every + 1) : 1;
    this.adamG = new Adam(config.generatorRate);
    this.adamD = new Adam(config.discriminatorRate * share, 0, 0.99 ** share);
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
    const shape: [number, number, number, number] = [
      config.batch,
      unet.imgResolution,
      unet.imgResolution,
      unet.inChannels,
    ];
    const real = tf.tensor4d(toNHWC(images, config.batch, unet.inChannels, unet.imgResolution ** 2), shape);
    const report = this.discriminator
      ? await this.adversarialStep(this.discriminator, real, labels, kind)
      : await this.imitationStep(shape, classes, labels);
    tf.dispose([real, labels ?? []]);
    if (kind !== 'discriminator') this.ema.update(this.variablesG, this.images, config.batch);
    this.images += config.batch;
    this.iteration++;
    return { ...report, iteration: this.iteration, images: this.images };
  }

  private async adversarialStep(
    discriminator: Discriminator,
    real: tf.Tensor4D,
    labels: tf.Tensor2D | null,
    kind: StepKind,
  ) {
    const { config } = this.parts;
    const parts = microBatches(real, labels, config.microBatch || config.batch);
    const g = kind === 'discriminator' ? null : this.generatorStep(discriminator, parts, kind === 'both');
    let d: ReturnType<DistilTrainer['discriminatorStep']> | null = null;
    let r1: number | null = null;
    if (kind !== 'generator') {
      const fakes = g?.fakes ?? this.freshFakes(discriminator, parts);
      d = this.discriminatorStep(discriminator, fakes, parts);
      tf.dispose(fakes);
      const takesR1 = config.r1Gamma > 0 && this.iteration > 0 && this.iteration % config.r1Every === 0;
      if (takesR1) r1 = await this.r1Step(discriminator, parts);
    }
    if (parts.length > 1) tf.dispose(parts.map((p) => [p.real, p.labels ?? []]));
    const [lossG = null, gradientNormG = null] = g ? await scalars([g.loss, g.gradientNorm]) : [];
    const [lossD = null, gradientNormD = null, logitsFake = null, logitsReal = null] = d
      ? await scalars([d.loss, d.gradientNorm, d.logitsFake, d.logitsReal])
      : [];
    return { lossG, gradientNormG, lossD, gradientNormD, logitsFake, logitsReal, r1 };
  }

  private generatorStep(
    discriminator: Discriminator,
    parts: readonly MicroBatch[],
    discriminatorFollows: boolean,
  ) {
    const { config } = this.parts;
    const shareFakes = config.shareFakes && discriminatorFollows;
    const state = discriminator.advance();
    const [noise, featureNoise] = [this.noise('generatorNoise'), this.featureNoise(0)];
    const fakes: tf.Tensor4D[][] = [];
    const { value, grads } = accumulate(
      parts,
      [...this.variablesG.values()],
      () => [],
      ({ real, labels }) => {
        const maps = discriminator.look(this.generate(real.shape, labels, noise), labels, featureNoise);
        if (shareFakes) fakes.push(maps.map((m) => tf.keep(tf.clone(m))));
        return generatorLoss(discriminator.logits(maps, state, labels), config.lossMean);
      },
    );
    discriminator.release(state);
    const norm = gradientNorm(grads);
    this.apply(this.adamG, this.variablesG, grads);
    return { loss: value, gradientNorm: norm, fakes: shareFakes ? fakes : null };
  }

  private freshFakes(discriminator: Discriminator, parts: readonly MicroBatch[]): tf.Tensor4D[][] {
    const [noise, featureNoise] = [this.noise('discriminatorNoise'), this.featureNoise(1)];
    return parts.map(({ real, labels }) =>
      tf.tidy(() => discriminator.look(this.generate(real.shape, labels, noise), labels, featureNoise)),
    );
  }

  private discriminatorStep(
    discriminator: Discriminator,
    fakes: tf.Tensor4D[][],
    parts: readonly MicroBatch[],
  ) {
    const { config } = this.parts;
    const [onFake, onReal] = [discriminator.advance(), discriminator.advance()] as [
      SpectralState,
      SpectralState,
    ];
    const featureNoise = this.featureNoise(2);
    const means: [tf.Scalar[], tf.Scalar[]] = [[], []];
    const { value, grads } = accumulate(
      parts,
      [...this.variablesD.values()],
      ({ real, labels }) => discriminator.look(real, labels, featureNoise),
      ({ labels }, maps, index) => {
        const logits = [
          discriminator.logits(fakes[index]!, onFake, labels),
          discriminator.logits(maps, onReal, labels),
        ] as const;
        for (const [i, l] of logits.entries()) means[i]!.push(tf.keep(tf.mean(tf.concat(l, 1)) as tf.Scalar));
        return discriminatorLoss(logits[0], logits[1], config.lossMean);
      },
    );
    discriminator.release(onFake);
    discriminator.release(onReal);
    const norm = gradientNorm(grads);
    this.apply(this.adamD, this.variablesD, grads);
    const [logitsFake, logitsReal] = means.map((terms) => weightedMean(terms, parts)) as [
      tf.Scalar,
      tf.Scalar,
    ];
    return { loss: value, gradientNorm: norm, logitsFake, logitsReal };
  }

  private async r1Step(discriminator: Discriminator, parts: readonly MicroBatch[]): Promise<number> {
    const { config } = this.parts;
    const state = discriminator.advance();
    let total: tf.NamedTensorMap | null = null;
    let penalty = 0;
    for (const { real, labels, share } of parts) {
      const noise = this.featureNoise(3);
      const result = await r1Gradients(
        (x) =>
          tf.sum(
            tf.concat(discriminator.logits(discriminator.look(x, labels, noise.again()), state, labels), 1),
          ) as tf.Scalar,
        real,
        [...this.variablesD.values()],
        config.r1Gamma * config.r1Every * share,
      );
      penalty += result.penalty * share;
      total = total ? addGradients(total, result.gradients, 1) : result.gradients;
    }
    discriminator.release(state);
    this.apply(this.adamD, this.variablesD, total!);
    return penalty;
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
    const input = nhwc(z.map((v) => v * SIGMA));
    const parts = microBatches(input, labels, config.microBatch || config.batch);
    const wanted: tf.Tensor4D[] = [];
    let from = 0;
    for (const { real: part } of parts) {
      const to = from + part.shape[0];
      const ofPart = classes && Array.from(classes).slice(from, to);
      const target = await heun(
        (x, sigma) => this.teacher.denoise(x, sigma, ofPart),
        z.subarray(from * size, to * size),
        { steps: config.imitationSteps, sigmaMin: 0.002, sigmaMax: SIGMA },
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
          tf.square(tf.sub(this.denoiser.forward(part.real, [SIGMA], part.labels), wanted[index]!)),
        ) as tf.Scalar,
    );
    const norm = gradientNorm(grads);
    this.apply(this.adamG, this.variablesG, grads);
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

  private generate(shape: Shape4, labels: tf.Tensor2D | null, noise: RandomStream): tf.Tensor4D {
    const z = noise.normals(shape.reduce((a, b) => a * b, 1));
    return this.denoiser.forward(tf.mul(tf.tensor4d(z, shape), SIGMA), [SIGMA], labels);
  }

  private noise(stream: 'generatorNoise' | 'discriminatorNoise'): RandomStream {
    return new RandomStream(this.parts.config.seed, stream, this.iteration);
  }

  private featureNoise(use: number): RandomStream {
    return new RandomStream(this.parts.config.seed, 'featureNoise', 4 * this.iteration + use);
  }

  private apply(adam: Adam, variables: ReadonlyMap<string, tf.Variable>, grads: tf.NamedTensorMap): void {
    const byName = new Map([...variables].map(([name, v]) => [name, grads[v.name]!] as const));
    adam.apply(variables, byName);
    tf.dispose(grads);
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

type Shape4 = [number, number, number, number];
