import { type HeadsConfig, headParameters } from '../nn/discriminator/heads';
import { mixingWeights } from '../nn/discriminator/mixing';
import { Unplanned } from '../nn/plan/training/executor';
import { recordIteration, recordPart, recordUpdate } from '../nn/plan/training/iteration';
import type { Side } from '../nn/plan/training/recorder';
import type { Iteration, IterationSettings } from '../nn/plan/training/settings';
import type { WeightSource } from '../nn/weights';
import { lossImages, partSizes } from './config';
import { augmentationInputs, drawAugmentation } from './diff-augment';
import type { FeatureNetwork, RecordedFeatures } from './discriminator';
import type { ExecutorParts, StepInputs, StepKind } from './executor';
import { discriminatorBetas } from './lazy-regularisation';
import { RandomStream } from './random';
import { correction, type ProgramName, RecordedStudent, type StepGraphInputs } from './recorded-student';

/** A frozen feature network as it is recorded, and the mixing behind it. */
interface Look {
  network: FeatureNetwork;
  recorded: RecordedFeatures;
  mixing: WeightSource;
}

/** Steps of a GAN as recorded graphs. */
export class RecordedRun extends RecordedStudent {
  readonly order: readonly Side[];
  readonly settings: IterationSettings;
  private readonly looks: readonly Look[];
  private readonly headShapes: ReadonlyMap<string, readonly number[]>;

  /** Throws `Unplanned` where a feature network cannot be recorded. */
  constructor(parts: ExecutorParts, features: readonly FeatureNetwork[], heads: HeadsConfig) {
    super(parts);
    const { config } = parts;
    this.order = config.shareFakes ? ['D', 'G'] : ['G', 'D'];
    this.looks = features.map((of, i) => {
      if (!of.recorded) throw new Unplanned('these feature networks');
      const mixing = mixingWeights(config.heads, of.channels, new RandomStream(3, 'mixing', i));
      return { network: of, recorded: of.recorded, mixing };
    });
    this.headShapes = new Map(headParameters(heads).map(({ name, shape }) => [name, shape]));
    this.settings = {
      ...this.student,
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

  record(program: ProgramName, images: number): Iteration {
    const settings = { ...this.settings, loss: { ...this.settings.loss, batch: images } };
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
    const { recorded, mixing } = this.looks[Number(index)]!;
    return (prefix === 'features' ? recorded.weights : mixing).read(own!);
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
    for (const [name, values] of this.sights(iteration, kind)) images.set(name, values);
    whole.set('ratesD', this.discriminatorRates(rates.discriminator, updates.discriminator));
    return { images, whole };
  }

  override discriminatorRates(rate: number, updates: number): number[] {
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
