import type { NetworkConfig } from '../nn/config';
import type { Denoiser } from '../nn/denoiser';
import type { ExecutedPrecision, OpenExecutor } from '../nn/plan/training/executor';
import type { WeightSource } from '../nn/weights';
import type { DistilConfig } from './config';
import type { StepReport } from './curve';
import type { ClassTable, FeatureNetwork } from './discriminator';
import type { SavedTensors, StateTensor } from './saved';

/** What a step updates: one network alone, or both, in the order of `DistilConfig.shareFakes`. */
export type StepKind = 'both' | 'generator' | 'discriminator';

/** What a step is at, for whoever waits for it: of its `total` parts, `done` are over. */
export type OnStage = (what: string, done: number, total: number) => void;

/** Optimiser steps so far; R1 steps count as the discriminator's. */
export interface Updates {
  generator: number;
  discriminator: number;
}

/** Everything that a step depends on beside the state of the networks: the same inputs give the same step. */
export interface StepInputs {
  kind: StepKind;
  /** Every random number of the step is drawn from (seed, purpose, iteration). */
  iteration: number;
  /** [N, H, W, C] in [-1, 1], and the images' classes; null = they have none. */
  real: Float32Array;
  classes: ArrayLike<number> | null;
  /** Adam's, in this step. */
  rates: { generator: number; discriminator: number };
  /** Before this step: Adam's bias corrections follow from them. */
  updates: Updates;
  /** Of the new student in its average. */
  share: number;
  /** Whether the discriminator takes a step of R1 after its own. */
  r1: boolean;
  onStage?: OnStage | undefined;
}

/** What a step reports of itself. */
export type StepNumbers = Omit<StepReport, 'iteration' | 'images'>;

/** What executes the steps of a run, for people. */
export interface ExecutorFacts extends ExecutedPrecision {
  executor: 'plan' | 'tensorflow.js';
  /** Where: "2 threads of WebAssembly". */
  label: string;
  /** Why the steps are not planned, a clause; null where they are, and where nothing executes plans. */
  reason: string | null;
  /** Of how many blocks the activations are made twice, so that they need not be held, and of how many they could be. */
  recomputed?: { blocks: number; of: number };
}

/** One line of these facts. */
export function executorLine(facts: ExecutorFacts): string {
  const { executor, label, reason, recomputed, dtype, instead } = facts;
  const precision =
    dtype === 'f16' ? ', in mixed precision' : instead === null ? '' : `, in float32, because ${instead}`;
  return executor === 'plan'
    ? `a step is one recorded graph on ${label}${precision}${recomputed?.blocks ? `, which makes the activations of ${recomputed.blocks} of ${recomputed.of} blocks twice to fit into memory` : ''}`
    : `a step runs op by op on ${label}${reason === null ? '' : `, because ${reason}`}${precision}`;
}

/**
 * Holds the networks in training and takes their steps; the trainer counts, draws images and sets rates, and does not know
 * which executor it has. Executors are equals: the state that one gives, by the names of state.ts, another begins from, and
 * the curves lie on each other within float32's rounding. Within one executor a resumed run is the uninterrupted one to the bit.
 */
export interface StepExecutor {
  readonly facts: ExecutorFacts;
  /** Bytes that it holds beside what TensorFlow.js counts. */
  readonly bytes: number;
  step(inputs: StepInputs): Promise<StepNumbers>;
  /** All trained tensors and buffers, by the names of state.ts. */
  state(): Promise<Map<string, StateTensor>>;
  /** The averages of what trains of the student, by published name. */
  averages(): Promise<Map<string, Float32Array>>;
  dispose(): void;
}

/** What an executor is made of. */
export interface ExecutorParts {
  /** The teacher's. */
  network: NetworkConfig;
  teacher: WeightSource;
  /** Start from these weights instead of the teacher's. */
  student?: WeightSource;
  /**
   * Made once the teacher is on the back-end: `config.features`, then `config.secondFeatures`; null where pixels are
   * compared.
   */
  features: ((teacher: Denoiser) => FeatureNetwork[]) | null;
  /** Class embeddings that the paper's heads begin from; random ones where there are none. */
  classTable?: ClassTable | null;
  config: DistilConfig;
  saved?: SavedTensors;
  /** Executes recorded steps on this back-end; absent where nothing does. */
  plan?: OpenExecutor;
  /** Recomputes activations wherever a recorded step can, whatever its executor's budget is: the least memory, for measurements. */
  recomputeAll?: boolean;
}

/** The feature networks of a run in the order of their maps, their mixing and their heads. */
export function featuresInOrder(
  { features, config }: Pick<ExecutorParts, 'features' | 'config'>,
  teacher: Denoiser,
): FeatureNetwork[] {
  const networks = features?.(teacher) ?? [];
  return config.secondFirst ? [...networks].reverse() : networks;
}
