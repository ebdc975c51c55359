import { loadPart } from '../lib/load-part';
import { toNHWC } from '../nn/denoiser';
import { Unplanned } from '../nn/plan/training/executor';
import type { WeightSource } from '../nn/weights';
import { checkNumbers } from './config-checks';
import type { StepReport } from './curve';
import { averageShare } from './ema';
import type { ExecutorFacts, ExecutorParts, OnStage, StepExecutor, StepKind, Updates } from './executor';
import { discriminatorRate, r1IsDue, r1StepsOf } from './lazy-regularisation';
import type { StateTensor } from './saved';
import { TensorFlowExecutor } from './tf-executor';

/** Where real images come from; `position` says where to go on. */
export interface BatchSource {
  next(count: number): Promise<{ images: Float32Array; labels: ArrayLike<number> | null }>;
  readonly position: number;
}

export interface TrainerParts extends ExecutorParts {
  data: BatchSource;
  iteration?: number;
  images?: number;
  /** Of the saved state; where it does not say, every iteration was a whole one. Without a saved state there were none. */
  updates?: Updates;
  /** Told what a step is at, stage by stage. */
  onStage?: OnStage;
}

/**
 * GDD and GDD-I (Zheng & Yang 2024): the generator is a copy of the teacher, run once at the start sigma, or in
 * two steps (generator.ts), under a GAN loss alone (adversarial-step.ts). `imitation` and `cd` follow the teacher image
 * by image (instance-step.ts): the comparison that the paper's first claim needs.
 *
 * The trainer counts, draws batches and sets rates; an executor (executor.ts) takes the steps.
 */
export class DistilTrainer {
  iteration: number;
  images: number;
  private done: Updates;

  private constructor(
    private readonly parts: TrainerParts,
    private readonly executor: StepExecutor,
  ) {
    this.iteration = parts.iteration ?? 0;
    this.images = parts.images ?? 0;
    // Moments that begin with zeros are corrected as new ones are, whatever the iteration is called.
    const whole = parts.saved ? this.iteration : 0;
    this.done = parts.updates ?? {
      generator: whole,
      discriminator: whole + r1StepsOf(parts.config, whole),
    };
  }

  /** With a plan where the back-end executes one and the step can be recorded, else with TensorFlow.js. */
  static async open(parts: TrainerParts): Promise<DistilTrainer> {
    checkNumbers(parts.config);
    return new DistilTrainer(parts, await openExecutor(parts));
  }

  get updates(): Updates {
    return this.done;
  }

  /** What executes the steps, and why. */
  get facts(): ExecutorFacts {
    return this.executor.facts;
  }

  /** Bytes held beside what TensorFlow.js counts. */
  get bytes(): number {
    return this.executor.bytes;
  }

  /** Of the next step: both rise in equal steps over the first `warmUp` images. */
  get rates(): { generator: number; discriminator: number } {
    const { config } = this.parts;
    const share = config.warmUp > 0 ? Math.min(1, (this.images + config.batch) / config.warmUp) : 1;
    return { generator: config.generatorRate * share, discriminator: discriminatorRate(config) * share };
  }

  /** One iteration on the next batch. A step of one network alone counts as an iteration too: noise is never drawn twice. */
  async step(kind: StepKind = 'both'): Promise<StepReport> {
    const { config, network, data, onStage } = this.parts;
    const { batch } = config;
    const { images, labels: classes } = await data.next(batch);
    const { inChannels, imgResolution } = network.unet;
    const r1 = kind !== 'generator' && r1IsDue(config, this.iteration);
    const report = await this.executor.step({
      kind,
      iteration: this.iteration,
      real: toNHWC(images, batch, inChannels, imgResolution ** 2),
      classes,
      rates: this.rates,
      updates: this.done,
      share: averageShare(config, this.images),
      r1,
      onStage,
    });
    const { generator, discriminator } = this.done;
    this.done = {
      generator: generator + (kind === 'discriminator' ? 0 : 1),
      discriminator: discriminator + (kind === 'generator' ? 0 : 1) + (r1 ? 1 : 0),
    };
    this.images += batch;
    this.iteration++;
    return { ...report, iteration: this.iteration, images: this.images };
  }

  /** All trained tensors and buffers, by the names of state.ts. */
  state(): Promise<Map<string, StateTensor>> {
    return this.executor.state();
  }

  /** The averaged student: a whole network in the published layout. */
  async student(): Promise<WeightSource> {
    const averaged = await this.executor.averages();
    const { teacher } = this.parts;
    const start = this.parts.student ?? teacher;
    return {
      names: () => start.names(),
      shape: (name) => start.shape(name),
      read: (name) => averaged.get(name) ?? start.read(name),
    };
  }

  dispose(): void {
    this.executor.dispose();
  }
}

/** What cannot be planned is named, and runs op by op; any other failure is one. What records a step is loaded by the first plan. */
async function openExecutor(parts: ExecutorParts): Promise<StepExecutor> {
  if (!parts.plan) return new TensorFlowExecutor(parts, null);
  try {
    const { PlannedExecutor } = await loadPart(import('./planned-executor'));
    return await PlannedExecutor.open(parts, parts.plan);
  } catch (error) {
    if (!(error instanceof Unplanned)) throw error;
    return new TensorFlowExecutor(parts, error.describe());
  }
}
