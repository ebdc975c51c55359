import { fourierFrequencies, oneHot } from '../nn/denoiser';
import { type HeadsConfig, headParameters } from '../nn/discriminator/heads';
import { mixingWeights } from '../nn/discriminator/mixing';
import { noiseEmbedding } from '../nn/embedding';
import { Unplanned } from '../nn/plan/training/executor';
import type { IterationSettings } from '../nn/plan/training/settings';
import { precondCoefficients } from '../nn/precond';
import type { WeightSource } from '../nn/weights';
import { lossImages, partSizes, studentSampling } from './config';
import { augmentationInputs, drawAugmentation } from './diff-augment';
import type { FeatureNetwork, RecordedFeatures } from './discriminator';
import type { ExecutorParts, StepInputs, StepKind } from './executor';
import { trainable, trainedBy } from './freeze';
import { discriminatorBetas } from './lazy-regularisation';
import { RandomStream } from './random';

/** What goes into the graphs of a step: values of every image, one after the other, and values of the whole step. */
export interface StepGraphInputs {
  images: ReadonlyMap<string, Float32Array>;
  whole: ReadonlyMap<string, readonly number[]>;
}

/** A frozen feature network as it is recorded, and the mixing behind it. */
interface Look {
  network: FeatureNetwork;
  recorded: RecordedFeatures;
  mixing: WeightSource;
}

/** What a run's steps are recorded from, and what goes into them. */
export class RecordedRun {
  readonly settings: IterationSettings;
  readonly trained: readonly string[];
  private readonly looks: readonly Look[];
  /** Of c_noise, for every image, by noise level. */
  private readonly embeddings = new Map<number, Float32Array>();
  private readonly headShapes: ReadonlyMap<string, readonly number[]>;

  /** Throws `Unplanned` where a feature network cannot be recorded. */
  constructor(
    private readonly parts: ExecutorParts,
    features: readonly FeatureNetwork[],
    heads: HeadsConfig,
  ) {
    const { network, config, teacher } = parts;
    const trains = trainedBy(config, network.unet);
    this.trained = trainable(network.unet)
      .map(({ name }) => name)
      .filter((name) => trains(name) && teacher.shape(name));
    this.looks = features.map((of, i) => {
      if (!of.recorded) throw new Unplanned('these feature networks');
      const mixing = mixingWeights(config.heads, of.channels, new RandomStream(3, 'mixing', i));
      return { network: of, recorded: of.recorded, mixing };
    });
    this.headShapes = new Map(headParameters(heads).map(({ name, shape }) => [name, shape]));
    this.settings = {
      network,
      startSigma: config.startSigma,
      sigmaMid: studentSampling(config).sigmaMid,
      generator: {
        shape: (name) => teacher.shape(name),
        trained: this.trained,
        beta2: 0.99,
        eps: 1e-8,
      },
      discriminator: { beta2: discriminatorBetas(config).beta2, eps: 1e-8 },
      features: this.looks.map(({ network: of, recorded, mixing }) => ({
        network: (name) => recorded.weights.shape(name),
        mixing: (name) => mixing.shape(name),
        sizes: of.sizes(),
        maps: (ops, x) => recorded.maps(ops, x),
      })),
      clipFakes: config.clipFakes,
      diffAugment: config.diffAugment,
      heads,
      loss: {
        type: config.lossType,
        mean: config.lossMean,
        networks: heads.networks,
        images: lossImages(config),
        batch: config.batch,
      },
      shareFakes: config.shareFakes,
    };
  }

  /** A leaf that never trains, by its name in the graph; undefined for all others. */
  frozen(name: string): Float32Array | undefined {
    const [, prefix, index, rest] = /^(features|mixing)\.(\d+)\.(.*)$/.exec(name) ?? [];
    if (prefix) {
      const { recorded, mixing } = this.looks[Number(index)]!;
      return (prefix === 'features' ? recorded.weights : mixing).read(rest!);
    }
    if (!name.startsWith('generator.')) return undefined;
    return (this.parts.student ?? this.parts.teacher).read(name.slice('generator.'.length));
  }

  /** Of a head's parameter; undefined for a buffer. */
  headShape(name: string): readonly number[] | undefined {
    return this.headShapes.get(name);
  }

  /** How a part of so many images is recorded. */
  settingsOf(images: number): IterationSettings {
    return { ...this.settings, loss: { ...this.settings.loss, batch: images } };
  }

  /** Everything that the graphs of a step ask for at each run, for the whole batch. */
  inputs({ kind, iteration, real, classes, rates, updates, share }: StepInputs): StepGraphInputs {
    const { network, config } = this.parts;
    const { labelDim } = network.unet;
    const normals = (stream: 'generatorNoise' | 'discriminatorNoise') =>
      new RandomStream(config.seed, stream, iteration).normals(real.length);
    const images = new Map<string, Float32Array>([['real', real]]);
    if (kind !== 'discriminator') images.set('z', normals('generatorNoise'));
    if (kind === 'discriminator' || !config.shareFakes)
      images.set('z discriminator', normals('discriminatorNoise'));
    else if (kind === 'both') images.set('z discriminator', images.get('z')!); // where the batch is taken in parts
    images.set('noise', this.embedding(config.startSigma));
    if (config.nfe === 2) images.set('noise second', this.embedding(config.sigmaMid));
    if (labelDim && classes) images.set('labels', oneHot(classes, labelDim));
    for (const [name, values] of this.sights(iteration, kind)) images.set(name, values);
    const whole = new Map([
      ['share', [share]],
      ['ratesG', [rates.generator, correction(0.99, updates.generator)]],
      ['ratesD', this.discriminatorRates(rates.discriminator, updates.discriminator)],
    ]);
    return { images, whole };
  }

  /** Adam's numbers of the discriminator's step after `updates` others. */
  discriminatorRates(rate: number, updates: number): number[] {
    return [rate, correction(discriminatorBetas(this.parts.config).beta2, updates)];
  }

  /** What is drawn for each look at images, part by part of the batch (adversarial-step.ts draws the same). */
  private sights(iteration: number, kind: StepKind): Map<string, Float32Array> {
    const { network, config } = this.parts;
    const { imgResolution: size, inChannels } = network.unet;
    const found = new Map<string, Float32Array>();
    if (!config.diffAugment) return found;
    const same = kind === 'both' && config.shareFakes; // both networks look at the same images
    for (const [sight, use] of [
      ['fake', 0],
      ['other fake', same ? 0 : 1],
      ['real', 2],
    ] as const) {
      const random = new RandomStream(config.seed, 'augment', 4 * iteration + use);
      const parts = partSizes(config).map((n) => {
        const shape = [n, size, size, inChannels] as const;
        return augmentationInputs(drawAugmentation(random, shape), shape);
      });
      for (const name of parts[0]!.keys())
        found.set(`${sight} ${name}`, joined(parts.map((part) => part.get(name)!)));
    }
    return found;
  }

  private embedding(sigma: number): Float32Array {
    let embedding = this.embeddings.get(sigma);
    if (!embedding) {
      const { network, config, teacher } = this.parts;
      const { cNoise } = precondCoefficients(network, Math.fround(sigma));
      const each = new Float64Array(config.batch).fill(cNoise);
      embedding = noiseEmbedding(network.unet, each, fourierFrequencies(network, teacher));
      this.embeddings.set(sigma, embedding);
    }
    return embedding;
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Adam's 1 / sqrt(1 - beta2^t) of the step after `updates` others. */
const correction = (beta2: number, updates: number): number => 1 / Math.sqrt(1 - beta2 ** (updates + 1));
