import type { Dataset } from '../../data';
import { BatchSampler } from '../../data';
import { type DistilConfig, featuresOf, studentSampling } from '../../distil/config';
import type { CurvePoint } from '../../distil/curve';
import type { ClassTable } from '../../distil/discriminator';
import type { ExecutorFacts, OnStage, StepKind } from '../../distil/executor';
import { distancesDue } from '../../distil/schedule';
import type { RunMeta, SourceMarks } from '../../distil/state';
import { type BatchSource, DistilTrainer } from '../../distil/trainer';
import { checkDevice, readyTensors } from '../../gpu/backends';
import { peakBytes } from '../../gpu/peak-memory';
import { InnateError } from '../../lib/errors';
import type { ModelSampling } from '../../lib/sampling';
import { counted } from '../../lib/words';
import { Denoiser } from '../../nn/denoiser';
import type { OpenExecutor } from '../../nn/plan/training/executor';
import { defaultSampling } from '../../nn/samplers';
import type { WeightSource } from '../../nn/weights';
import { sampleImages, seedBatch } from '../inference/sampling';
import { type FeatureWeights, featureNetworks } from '../measure/feature-networks';
import type { FrechetMeasure } from '../measure/frechet';
import type { Model } from '../models/model';
import { checkMarks, sourceMarks } from '../runs/source-marks';
import type { RunState, SavedRun } from '../runs/state';
import { asStudent } from '../runs/student';
import { brokenStudent, checkFinite, Diverged, explainMemory } from './errors';

/** A spread below this share of real images' counts as a collapse once the student had more. */
const COLLAPSED = 0.3;

export interface DistilRunOptions {
  teacher: Model;
  student?: Model;
  data: Dataset;
  config: DistilConfig;
  features: FeatureWeights;
  /** Weights of `config.secondFeatures`, from a person's file. */
  secondFeatures?: WeightSource;
  /** Where `config.classEmbeddings` is 'table'; a saved run needs none. */
  classTable?: ClassTable;
  backend: string;
  /** Executes recorded steps on this back-end; absent where nothing does. */
  recordedSteps?: OpenExecutor | undefined;
  /** Asked for when the first distance is due: reading real images takes its time. */
  measure?: () => Promise<FrechetMeasure>;
  /** Images generated for a distance. */
  measureImages: number;
  /** Measure after every so many images, and a few times before; 0 = at the end alone. */
  measureEvery: number;
  saved?: SavedRun;
  /** Told what a step is at. */
  onStage?: OnStage;
  /** Written into its states: the options of the command that began it. */
  command?: RunMeta['command'];
}

/**
 * A distillation from start to end, saved and measured on the way: what the command line and the page share.
 * A saved run goes on only with what it was made of. A step that is not finite throws a `backend` error; the last saved state is then the place to go back to.
 */
export class DistilRun {
  readonly curve: CurvePoint[];
  best: RunMeta['best'];
  /** The most that the back-end held within the last step. */
  peakBytes = 0;

  private constructor(
    readonly trainer: DistilTrainer,
    private readonly options: DistilRunOptions,
    private readonly sampler: BatchSource,
    private readonly marks: SourceMarks,
  ) {
    this.curve = options.saved ? [...options.saved.meta.curve] : [];
    this.best = options.saved?.meta.best ?? null;
  }

  static async start(options: DistilRunOptions): Promise<DistilRun> {
    const { teacher, student, data, config, saved } = options;
    const { unet } = teacher.config;
    if (unet.labelDim > 0 && data.labelDim !== unet.labelDim)
      throw new InnateError('mismatch', 'the data has other classes than the teacher', {
        where: data.name,
        expected: counted(unet.labelDim, 'class', 'classes'),
        found: String(data.labelDim),
      });
    const marks = await sourceMarks(options);
    if (saved) checkMarks(saved.meta, marks);
    await readyTensors();
    const sampler = batchSource(data, config, saved?.meta.dataPosition ?? 0);
    const trainer = await DistilTrainer.open({
      network: teacher.config,
      teacher: teacher.weights,
      ...(student && { student: student.weights }),
      data: sampler,
      features:
        featuresOf(config) && (await featureNetworks(config, options.features, options.secondFeatures)),
      config,
      ...(options.classTable && { classTable: options.classTable }),
      ...(options.onStage && { onStage: options.onStage }),
      ...(options.recordedSteps && { plan: options.recordedSteps }),
      ...(saved && {
        saved: saved.tensors,
        iteration: saved.meta.iteration,
        images: saved.meta.images,
        updates: saved.meta.updates,
      }),
    }).catch((error) => Promise.reject(explainMemory(error, config)));
    return new DistilRun(trainer, options, sampler, marks);
  }

  get config(): DistilConfig {
    return this.options.config;
  }

  /** Bytes held beside what TensorFlow.js counts. */
  get bytes(): number {
    return this.trainer.bytes;
  }

  /** What executes its steps, and why. */
  get facts(): ExecutorFacts {
    return this.trainer.facts;
  }

  get finished(): boolean {
    return this.trainer.images >= this.options.config.images;
  }

  /** One iteration; measured when its turn has come. */
  async step(kind: StepKind = 'both'): Promise<CurvePoint> {
    const before = this.trainer.images;
    const started = performance.now();
    const { value: report, bytes } = await peakBytes(() => this.trainer.step(kind)).catch((error) =>
      Promise.reject(explainMemory(error, this.options.config)),
    );
    this.peakBytes = bytes + this.trainer.bytes;
    const seconds = (performance.now() - started) / 1000;
    checkDevice();
    checkFinite(report, this.facts.dtype);
    const point: CurvePoint = { ...report, imagesPerSecond: this.options.config.batch / seconds };
    const { measure } = this.options;
    if (measure && this.measureIsDue(before)) await this.measureStudent(point, await measure());
    this.curve.push(point);
    return point;
  }

  /** The averaged student as a whole network. */
  student(): Promise<WeightSource> {
    return this.trainer.student();
  }

  async state(): Promise<RunState> {
    const { trainer } = this;
    return {
      tensors: await trainer.state(),
      meta: {
        version: 1,
        config: this.options.config,
        iteration: trainer.iteration,
        images: trainer.images,
        updates: trainer.updates,
        dataPosition: this.sampler.position,
        best: this.best,
        curve: this.curve,
        backend: this.options.backend,
        marks: this.marks,
        ...(this.options.command && { command: this.options.command }),
      },
    };
  }

  dispose(): void {
    this.trainer.dispose();
  }

  private measureIsDue(before: number): boolean {
    const { measureEvery, config } = this.options;
    return distancesDue(before, this.trainer.images, measureEvery, config.images) > 0;
  }

  /** Fréchet distance and spread of the averaged student; throws when its images have become one image. */
  private async measureStudent(point: CurvePoint, distances: FrechetMeasure): Promise<void> {
    const { measureImages, teacher, config } = this.options;
    const started = performance.now();
    const weights = await this.student();
    const sampling = studentSampling(config);
    const model = asStudent(teacher, config);
    const result = await measureModel(distances, model, weights, measureImages, sampling).catch(
      brokenStudent(point.iteration),
    );
    point.frechet = result.value;
    point.frechetError = result.error;
    point.spread = result.spread;
    point.measureSeconds = (performance.now() - started) / 1000;
    const collapsed =
      result.spread < COLLAPSED && this.best !== null && this.best.frechet.spread >= COLLAPSED;
    if (collapsed)
      throw new Diverged('best', 'the student has collapsed: its images are becoming one image', {
        where: `${this.trainer.images} images`,
        expected: `a spread above ${COLLAPSED} of real images'`,
        found: result.spread.toFixed(2),
        hint: `Go back to the best student and lower both rates${config.diffAugment ? '' : '; with few images, begin again with DiffAugment'}`,
      });
    if (!this.best || result.value < this.best.frechet.value)
      this.best = { images: this.trainer.images, frechet: result };
  }
}

/** The distance of images of seeds 0, 1, ..., made as the student's are; classes in turn: every class has its share. */
export async function measureModel(
  measure: FrechetMeasure,
  model: Model,
  weights: WeightSource,
  count: number,
  sampling: ModelSampling,
) {
  const denoiser = Denoiser.open(model.config, weights);
  try {
    const { unet } = model.config;
    const seeds = Array.from({ length: count }, (_, i) => i);
    const batch = seedBatch(model.config, seeds, null);
    if (unet.labelDim) batch.classes = Int32Array.from(seeds, (s) => s % unet.labelDim);
    const images = await sampleImages(denoiser, batch, defaultSampling(unet.imgResolution, sampling));
    return await measure.measure(images, unet.outChannels, unet.imgResolution);
  } finally {
    denoiser.dispose();
  }
}

function batchSource(data: Dataset, config: DistilConfig, position: number): BatchSource {
  const sampler = new BatchSampler(data, { seed: config.seed, position, xflip: config.xFlip });
  return {
    async next(count) {
      const { images, labels } = await sampler.next(count);
      return { images, labels };
    },
    get position() {
      return sampler.position;
    },
  };
}
