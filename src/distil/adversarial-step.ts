import * as tf from '@tensorflow/tfjs-core';
import type { Denoiser } from '../nn/denoiser';
import type { SpectralState } from '../nn/discriminator/forward';
import { offTape } from '../nn/tf/tape';
import type { Adam } from './adam';
import { type DistilConfig, partSize } from './config';
import { diffAugment, drawAugmentation } from './diff-augment';
import type { Discriminator } from './discriminator';
import type { OnStage, StepKind, StepNumbers } from './executor';
import { generate } from './generator';
import { discriminatorLoss, generatorLoss } from './losses';
import { accumulate, addGradients, type MicroBatch, microBatches, weightedMean } from './micro-batch';
import { r1Gradients } from './r1';
import { RandomStream } from './random';
import { gradientNorm, scalars } from './scalars';

export type Shape4 = [number, number, number, number];

/** A network in training: what of it trains, and its optimiser. */
export interface Side {
  variables: ReadonlyMap<string, tf.Variable>;
  adam: Adam;
}

interface Players {
  config: DistilConfig;
  denoiser: Denoiser;
  discriminator: Discriminator;
  generatorSide: Side;
  discriminatorSide: Side;
}

/** Random numbers of one use of the feature networks: what they add to their input, and DiffAugment's. */
interface FeatureRandomness {
  noise: RandomStream;
  augment: RandomStream;
}

/** Of a step: tensors of images and one-hot labels belong to the caller. */
interface TensorInputs {
  iteration: number;
  real: tf.Tensor4D;
  labels: tf.Tensor2D | null;
  kind: StepKind;
  withR1: boolean;
  onStage?: OnStage | undefined;
}

interface GeneratorResult {
  loss: tf.Scalar;
  gradientNorm: tf.Scalar;
}

interface DiscriminatorResult extends GeneratorResult {
  logitsFake: tf.Scalar;
  logitsReal: tf.Scalar;
}

/**
 * One iteration of the GAN (docs/method.md, 'Order of the steps'). With shared fakes one pass of the generator serves
 * both: the discriminator learns from its features, then the generator answers the updated discriminator. With fresh
 * noise for each, the generator comes first, as published. R1 is a step of its own, after both.
 */
export class AdversarialStep {
  private iteration = 0;
  private stage: (what: string) => void = () => {};

  constructor(private readonly players: Players) {}

  async run({ iteration, real, labels, kind, withR1, onStage }: TensorInputs): Promise<StepNumbers> {
    const { config } = this.players;
    this.iteration = iteration;
    const parts = microBatches(real, labels, partSize(config));
    this.stage = counter(parts.length, kind, onStage);
    const { g, d } = this.updates(parts, kind);
    const [r1 = null] = d && withR1 ? await scalars([this.r1Step(parts)]) : [];
    if (parts.length > 1) tf.dispose(parts.map((p) => [p.real, p.labels ?? []]));
    const [lossG = null, gradientNormG = null] = g ? await scalars([g.loss, g.gradientNorm]) : [];
    const [lossD = null, gradientNormD = null, logitsFake = null, logitsReal = null] = d
      ? await scalars([d.loss, d.gradientNorm, d.logitsFake, d.logitsReal])
      : [];
    return { lossG, gradientNormG, lossD, gradientNormD, logitsFake, logitsReal, r1 };
  }

  private updates(
    parts: readonly MicroBatch[],
    kind: StepKind,
  ): { g: GeneratorResult | null; d: DiscriminatorResult | null } {
    if (kind === 'both' && this.players.config.shareFakes)
      return parts.length === 1 ? this.onePass(parts) : this.twoPasses(parts);
    const g = kind === 'discriminator' ? null : this.generatorStep(parts);
    if (kind === 'generator') return { g, d: null };
    const fakes = this.fakes(parts, this.noise('discriminatorNoise'), this.randomness(1));
    const d = this.discriminatorStep(fakes, parts);
    tf.dispose(fakes);
    return { g, d };
  }

  /** The discriminator's step is taken in the middle of the generator's: its forward pass is not made again. */
  private onePass(parts: readonly MicroBatch[]) {
    let d: DiscriminatorResult | null = null;
    const g = this.generatorStep(parts, (maps) => {
      d = this.discriminatorStep([maps], parts);
      for (const value of Object.values(d)) tf.keep(value);
    });
    return { g, d };
  }

  /** In parts, the activations of all of them would have to be held: the generator's pass is made again instead. */
  private twoPasses(parts: readonly MicroBatch[]) {
    const fakes = this.fakes(parts, this.noise('generatorNoise'), this.randomness(0));
    const d = this.discriminatorStep(fakes, parts);
    tf.dispose(fakes);
    return { g: this.generatorStep(parts), d };
  }

  /** `before` is run between the generator's images and the discriminator's opinion of them. */
  private generatorStep(
    parts: readonly MicroBatch[],
    before?: (maps: tf.Tensor4D[]) => void,
  ): GeneratorResult {
    const { config, discriminator, generatorSide } = this.players;
    const [noise, randomness] = [this.noise('generatorNoise'), this.randomness(0)];
    let state: SpectralState | null = null;
    const { value, grads } = accumulate(
      parts,
      [...generatorSide.variables.values()],
      () => [],
      ({ real, labels }) => {
        this.stage(before ? 'the student makes images' : 'the student learns');
        const maps = this.look(this.generate(real.shape, labels, noise), labels, randomness);
        offTape(() => {
          before?.(maps);
          state ??= discriminator.advance();
          return [];
        });
        if (before) this.stage('the student learns');
        return generatorLoss(discriminator.logits(maps, state!, labels), config);
      },
    );
    discriminator.release(state!);
    const norm = gradientNorm(grads);
    applyGradients(generatorSide, grads);
    return { loss: value, gradientNorm: norm };
  }

  /** Mixed feature maps of generated images, one list a part. */
  private fakes(
    parts: readonly MicroBatch[],
    noise: RandomStream,
    randomness: FeatureRandomness,
  ): tf.Tensor4D[][] {
    return parts.map(({ real, labels }) => {
      this.stage('the student makes images');
      return tf.tidy(() => this.look(this.generate(real.shape, labels, noise), labels, randomness));
    });
  }

  private discriminatorStep(fakes: tf.Tensor4D[][], parts: readonly MicroBatch[]): DiscriminatorResult {
    const { config, discriminator, discriminatorSide } = this.players;
    const [onFake, onReal] = [discriminator.advance(), discriminator.advance()] as [
      SpectralState,
      SpectralState,
    ];
    const randomness = this.randomness(2);
    const means: [tf.Scalar[], tf.Scalar[]] = [[], []];
    const { value, grads } = accumulate(
      parts,
      [...discriminatorSide.variables.values()],
      ({ real, labels }) => {
        this.stage('the discriminator learns');
        return this.look(real, labels, randomness);
      },
      ({ labels }, maps, index) => {
        const logits = [
          discriminator.logits(fakes[index]!, onFake, labels),
          discriminator.logits(maps, onReal, labels),
        ] as const;
        for (const [i, l] of logits.entries()) means[i]!.push(tf.keep(tf.mean(tf.concat(l, 1)) as tf.Scalar));
        return discriminatorLoss(logits[0], logits[1], config);
      },
    );
    discriminator.release(onFake);
    discriminator.release(onReal);
    const norm = gradientNorm(grads);
    applyGradients(discriminatorSide, grads);
    const [logitsFake, logitsReal] = means.map((terms) => weightedMean(terms, parts)) as [
      tf.Scalar,
      tf.Scalar,
    ];
    return { loss: value, gradientNorm: norm, logitsFake, logitsReal };
  }

  private r1Step(parts: readonly MicroBatch[]): tf.Scalar {
    const { config, discriminator, discriminatorSide } = this.players;
    const state = discriminator.advance();
    const { noise } = this.randomness(3); // as published, and as in training/: R1 is of the images as they are
    const penalties: tf.Scalar[] = [];
    let total: tf.NamedTensorMap | null = null;
    for (const { real, labels, share } of parts) {
      const { penalty, gradients } = r1Gradients(
        (x) =>
          tf.sum(
            tf.concat(discriminator.logits(discriminator.look(x, labels, noise), state, labels), 1),
          ) as tf.Scalar,
        real,
        [...discriminatorSide.variables.values()],
        config.r1Gamma * config.r1Every,
      );
      penalties.push(penalty);
      total = addGradients(total, gradients, share);
    }
    discriminator.release(state);
    applyGradients(discriminatorSide, total!);
    return weightedMean(penalties, parts);
  }

  private generate(shape: Shape4, labels: tf.Tensor2D | null, noise: RandomStream): tf.Tensor4D {
    const { denoiser, config } = this.players;
    const z = noise.normals(shape.reduce((a, b) => a * b, 1));
    const images = generate(denoiser, tf.mul(tf.tensor4d(z, shape), config.startSigma), labels, config);
    return config.clipFakes ? tf.clipByValue(images, -1, 1) : images;
  }

  private noise(stream: 'generatorNoise' | 'discriminatorNoise'): RandomStream {
    return new RandomStream(this.players.config.seed, stream, this.iteration);
  }

  /** 0: the generator's images, 1: the discriminator's where they are others, 2: real ones, 3: R1's. */
  private randomness(use: 0 | 1 | 2 | 3): FeatureRandomness {
    const { seed } = this.players.config;
    const [noise, augment] = (['featureNoise', 'augment'] as const).map(
      (stream) => new RandomStream(seed, stream, 4 * this.iteration + use),
    ) as [RandomStream, RandomStream];
    return { noise, augment };
  }

  /** Mixed feature maps of images as the discriminator sees them. Call inside tf.tidy. */
  private look(
    x: tf.Tensor4D,
    labels: tf.Tensor2D | null,
    { noise, augment }: FeatureRandomness,
  ): tf.Tensor4D[] {
    const { config, discriminator } = this.players;
    const seen = config.diffAugment ? diffAugment(x, drawAugmentation(augment, x.shape)) : x;
    return discriminator.look(seen, labels, noise);
  }
}

/** One step of the optimiser; the gradients, by the variables' own names, are freed. */
export function applyGradients({ adam, variables }: Side, grads: tf.NamedTensorMap): void {
  adam.apply(variables, new Map([...variables].map(([name, v]) => [name, grads[v.name]!] as const)));
  tf.dispose(grads);
}

/** Tells each stage as it begins: images, discriminator and student of every part. */
function counter(parts: number, kind: StepKind, onStage: OnStage | undefined): (what: string) => void {
  const total = parts * { both: 3, discriminator: 2, generator: 1 }[kind];
  let done = 0;
  return (what) => onStage?.(what, done++, total);
}
