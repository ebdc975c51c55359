import { fourierFrequencies, oneHot } from '../nn/denoiser';
import { noiseEmbedding } from '../nn/embedding';
import type { Side } from '../nn/plan/training/recorder';
import type { GeneratorSettings, Iteration } from '../nn/plan/training/settings';
import { precondCoefficients } from '../nn/precond';
import { studentSampling } from './config';
import type { ExecutorParts, StepInputs, StepKind } from './executor';
import { trainable, trainedBy } from './freeze';
import { studentNetwork } from './student-network';

/** What goes into the graphs of a step: values of every image, one after the other, and values of the whole step. */
export interface StepGraphInputs {
  images: ReadonlyMap<string, Float32Array>;
  whole: ReadonlyMap<string, readonly number[]>;
}

export type PartProgram = 'part G' | 'part D' | 'part R1';
export type ProgramName = StepKind | PartProgram | 'update G' | 'update D';

/** What a method's steps are recorded from, and what goes into them. */
export abstract class RecordedStudent {
  readonly trained: readonly string[];
  /** Networks that it trains, in the order of their updates where a batch is taken in parts. */
  abstract readonly order: readonly Side[];
  protected readonly student: GeneratorSettings;
  private readonly frequencies: Float32Array | null;
  /** Embeddings of c_noise, for every image, by noise level. */
  private readonly embeddings = new Map<number, Float32Array>();

  constructor(protected readonly parts: ExecutorParts) {
    const { network, config, teacher } = parts;
    const trains = trainedBy(config, network.unet);
    this.trained = trainable(network.unet)
      .map(({ name }) => name)
      .filter((name) => trains(name) && teacher.shape(name));
    this.frequencies = fourierFrequencies(network, teacher);
    this.student = {
      network: studentNetwork(config, network),
      startSigma: config.startSigma,
      sigmaMid: studentSampling(config).sigmaMid,
      generator: { shape: (name) => teacher.shape(name), trained: this.trained, beta2: 0.99, eps: 1e-8 },
    };
  }

  /** A program of so many images, with these blocks recomputed. */
  abstract record(program: ProgramName, images: number, recomputed?: ReadonlySet<number>): Iteration;

  /** Everything that the graphs of a step ask for at each run, for the whole batch. */
  abstract inputs(step: StepInputs): StepGraphInputs;

  /** What of a step there is for this method. */
  kindOf(kind: StepKind): StepKind {
    return this.order.length === 1 ? 'generator' : kind;
  }

  /** A leaf that the run begins with as it is in a file, by its name in the graph; undefined for all others. */
  first(name: string): Float32Array | undefined {
    const { student, teacher } = this.parts;
    const [, network, own] = /^(generator|teacher)\.(.*)$/.exec(name) ?? [];
    if (!network) return undefined;
    return (network === 'teacher' ? teacher : (student ?? teacher)).read(own!);
  }

  /** Of a parameter or of what lies as it does, by its name in the state; undefined for a buffer. */
  shape(name: string): readonly number[] | undefined {
    return this.parts.teacher.shape(name.replace(/^\w+\./, ''));
  }

  /** Adam's numbers of the discriminator's step after `updates` others. */
  discriminatorRates(_rate: number, _updates: number): number[] {
    return [];
  }

  /** What every method's step asks for. */
  protected common({ classes, rates, updates, share }: StepInputs) {
    const { labelDim } = this.parts.network.unet;
    const images = new Map<string, Float32Array>();
    if (labelDim && classes) images.set('labels', oneHot(classes, labelDim));
    const whole = new Map<string, readonly number[]>([
      ['share', [share]],
      ['ratesG', [rates.generator, correction(0.99, updates.generator)]],
    ]);
    return { images, whole };
  }

  /** Of one noise level, for every image of the batch. */
  protected embedding(sigma: number): Float32Array {
    let embedding = this.embeddings.get(sigma);
    if (!embedding) {
      embedding = this.embeddingOf(new Array<number>(this.parts.config.batch).fill(sigma));
      this.embeddings.set(sigma, embedding);
    }
    return embedding;
  }

  /** Of a noise level of each image. Student and teacher have the same: what differs leaves c_noise alone. */
  protected embeddingOf(sigmas: readonly number[]): Float32Array {
    const { network } = this.parts;
    const cNoise = sigmas.map((sigma) => precondCoefficients(network, Math.fround(sigma)).cNoise);
    return noiseEmbedding(network.unet, cNoise, this.frequencies);
  }
}

/** Adam's 1 / sqrt(1 - beta2^t) of the step after `updates` others. */
export const correction = (beta2: number, updates: number): number =>
  1 / Math.sqrt(1 - beta2 ** (updates + 1));
