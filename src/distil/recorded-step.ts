import { joined } from '../lib/floats';
import { type HeadsConfig, headParameters } from '../nn/discriminator/heads';
import { mixingWeights } from '../nn/discriminator/mixing';
import type { Node } from '../nn/plan/graph';
import type { ImageSource } from '../nn/plan/training/adversarial';
import { encoderMaps } from '../nn/plan/training/encoder';
import { Unplanned } from '../nn/plan/training/executor';
import { GraphFeatures } from '../nn/plan/training/features';
import { recordIteration, recordPart, recordUpdate } from '../nn/plan/training/iteration';
import type { Side } from '../nn/plan/training/recorder';
import type { FeatureInput, Iteration, IterationSettings } from '../nn/plan/training/settings';
import { precondCoefficients } from '../nn/precond';
import type { WeightSource } from '../nn/weights';
import { lossImages, partSizes } from './config';
import { augmentationInputs, drawAugmentation } from './diff-augment';
import type { FeatureNetwork, RecordedEncoder } from './discriminator';
import type { ExecutorParts, StepInputs } from './executor';
import { discriminatorBetas } from './lazy-regularisation';
import { RandomStream } from './random';
import { correction, type ProgramName, RecordedStudent, type StepGraphInputs } from './recorded-student';

/** A frozen feature network as it is recorded, and the mixing behind it. */
interface Eye {
  network: FeatureNetwork;
  weights: WeightSource;
  mixing: WeightSource;
  maps(look: FeatureInput): Node[];
}

/** Steps of a GAN as recorded graphs. */
export class RecordedRun extends RecordedStudent {
  readonly order: readonly Side[];
  readonly settings: IterationSettings;
  private readonly looks: readonly Eye[];
  /** Where one of them is the teacher's own encoder. */
  private readonly encoder: RecordedEncoder | null;
  private readonly headShapes: ReadonlyMap<string, readonly number[]>;

  /** Throws `Unplanned` where a feature network cannot be recorded. */
  constructor(parts: ExecutorParts, features: readonly FeatureNetwork[], heads: HeadsConfig) {
    super(parts);
    const { config } = parts;
    this.order = config.shareFakes ? ['D', 'G'] : ['G', 'D'];
    this.looks = features.map((of, i) => {
      const mixing = mixingWeights(config.heads, of.channels, new RandomStream(3, 'mixing', i));
      return { network: of, mixing, ...this.eye(of) };
    });
    this.encoder = features.find(({ encoder }) => encoder)?.encoder ?? null;
    this.headShapes = new Map(headParameters(heads).map(({ name, shape }) => [name, shape]));
    this.settings = {
      ...this.student,
      discriminator: { beta2: discriminatorBetas(config).beta2, eps: 1e-8 },
      features: this.looks.map(({ network: of, weights, mixing, maps }) => ({
        network: (name) => weights.shape(name),
        mixing: (name) => mixing.shape(name),
        sizes: of.sizes(),
        maps,
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

  private eye({ recorded, encoder }: FeatureNetwork): Pick<Eye, 'weights' | 'maps'> {
    const { network, teacher } = this.parts;
    if (encoder) return { weights: teacher, maps: (look) => encoderMaps(look, network, encoder.names) };
    if (!recorded) throw new Unplanned('these feature networks');
    return {
      weights: recorded.weights,
      maps: ({ ops, x }) => recorded.maps(new GraphFeatures(ops), x),
    };
  }

  record(program: ProgramName, images: number, recomputed: ReadonlySet<number> = new Set()): Iteration {
    const settings = { ...this.settings, loss: { ...this.settings.loss, batch: images }, recomputed };
    const { r1Gamma, r1Every } = this.parts.config;
    switch (program) {
      case 'both':
        return recordIteration(settings);
      case 'generator':
        return recordIteration(settings, 'G');
      case 'discriminator':
        return recordIteration(settings, 'D');
      case 'part G':
        return recordPart(settings, { side: 'G' });
      case 'part D':
        return recordPart(settings, { side: 'D' });
      case 'part R1':
        return recordPart(settings, { penalty: r1Gamma * r1Every });
      case 'update G':
        return recordUpdate(settings, 'G');
      case 'update D':
        return recordUpdate(settings, 'D');
    }
  }

  override first(name: string): Float32Array | undefined {
    const [, prefix, index, own] = /^(features|mixing)\.(\d+)\.(.*)$/.exec(name) ?? [];
    if (!prefix) return super.first(name);
    const { weights, mixing } = this.looks[Number(index)]!;
    return (prefix === 'features' ? weights : mixing).read(own!);
  }

  override shape(name: string): readonly number[] | undefined {
    return /^(heads|adamD)\./.test(name)
      ? this.headShapes.get(name.replace(/^\w+\./, ''))
      : super.shape(name);
  }

  inputs(step: StepInputs): StepGraphInputs {
    const { kind, iteration, real, rates, updates } = step;
    const { config } = this.parts;
    const normals = (stream: 'generatorNoise' | 'discriminatorNoise') =>
      new RandomStream(config.seed, stream, iteration).normals(real.length);
    const { images, whole } = this.common(step);
    images.set('real', real);
    if (kind !== 'discriminator') images.set('z', normals('generatorNoise'));
    if (kind === 'discriminator' || !config.shareFakes)
      images.set('z discriminator', normals('discriminatorNoise'));
    else if (kind === 'both') images.set('z discriminator', images.get('z')!); // where the batch is taken in parts
    images.set('noise', this.embedding(config.startSigma));
    if (config.nfe === 2) images.set('noise second', this.embedding(config.sigmaMid));
    for (const [name, values] of this.sights(step)) images.set(name, values);
    whole.set('ratesD', this.discriminatorRates(rates.discriminator, updates.discriminator));
    return { images, whole };
  }

  override discriminatorRates(rate: number, updates: number): number[] {
    return [rate, correction(discriminatorBetas(this.parts.config).beta2, updates)];
  }

  /** What is drawn for each look at images, part by part of the batch (adversarial-step.ts draws the same). */
  private sights({ iteration, kind, r1 }: StepInputs): Map<string, Float32Array> {
    const { config } = this.parts;
    const found = new Map<string, Float32Array>();
    const same = kind === 'both' && config.shareFakes; // both networks look at the same images
    const uses: [ImageSource, number][] = [
      ['fake', 0],
      ['other fake', same ? 0 : 1],
      ['real', 2],
    ];
    if (r1) uses.push(['r1', 3]);
    for (const [sight, use] of uses) {
      const stream = (name: 'augment' | 'featureNoise') =>
        new RandomStream(config.seed, name, 4 * iteration + use);
      const [augment, noise] = [stream('augment'), stream('featureNoise')];
      const parts = partSizes(config).map((n) => [
        ...(config.diffAugment && sight !== 'r1' ? this.augmented(augment, n) : []),
        ...(this.encoder ? this.noised(this.encoder, noise, n) : []),
      ]);
      for (const [i, [name]] of parts[0]!.entries())
        found.set(`${sight} ${name}`, joined(parts.map((part) => part[i]![1])));
    }
    return found;
  }

  private augmented(random: RandomStream, n: number): Map<string, Float32Array> {
    const { imgResolution: size, inChannels } = this.parts.network.unet;
    const shape = [n, size, size, inChannels] as const;
    return augmentationInputs(drawAugmentation(random, shape), shape);
  }

  /** Noise for `n` images at levels of their own, as the teacher's encoder looks at them. */
  private noised(encoder: RecordedEncoder, random: RandomStream, n: number): [string, Float32Array][] {
    const { network } = this.parts;
    const { imgResolution: size, inChannels } = network.unet;
    const sigmas = encoder.sigmas(random.normals(n));
    const each = size * size * inChannels;
    const cIn = sigmas.map((sigma) => precondCoefficients(network, Math.fround(sigma)).cIn);
    return [
      ['noise', random.normals(n * each).map((z, i) => z * sigmas[Math.floor(i / each)]!)],
      ['cIn', Float32Array.from({ length: n * inChannels }, (_, i) => cIn[Math.floor(i / inChannels)]!)],
      ['level', this.embeddingOf(sigmas)],
    ];
  }
}
