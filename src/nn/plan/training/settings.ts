import type { NetworkConfig } from '../../config';
import type { HeadsConfig } from '../../discriminator/heads';
import type { TokenOps } from '../../ops';
import type { Graph, Node, Shape } from '../graph';
import type { Recomputable } from './checkpoints';
import type { StepOps } from './scope';

export type ShapeOf = (name: string) => readonly number[] | undefined;

/** An input of the step: the same node for the same name. */
export type Inputs = (name: string, shape: Shape) => Node;

/** A frozen feature network. */
export interface FrozenFeatures {
  network: ShapeOf;
  maps(ops: TokenOps<Node>, x: Node): Node[];
}

/** Images that a feature network of the discriminator looks at. */
export interface FeatureInput {
  /** On the network's own parameters. */
  ops: StepOps;
  x: Node;
  labels: Node | null;
  /** What is drawn for this look. */
  input: Inputs;
}

/** A frozen feature network with the mixing behind it. */
export interface FeatureNetworkGraph {
  network: ShapeOf;
  maps(look: FeatureInput): Node[];
  mixing: ShapeOf;
  /** Height and width of its maps. */
  sizes: readonly number[];
}

/** A network in training. */
export interface SideSettings {
  shape: ShapeOf;
  trained: readonly string[];
  beta2: number;
  eps: number;
}

/** How logits become a loss (docs/method.md); images a batch. */
export interface LossForm {
  /** Non-saturating (softplus), or hinge. */
  type: 'ns' | 'hinge';
  /** A mean over each head's logits, or one over all logits of a feature network; both are summed. */
  mean: 'scale' | 'all';
  /** Heads of each feature network, in order. */
  networks: readonly number[];
  /** Images over which the loss is a sum, as on one GPU of a published run; 1 = it is a mean. */
  images: number;
  batch: number;
}

/** The student. */
export interface GeneratorSettings {
  network: NetworkConfig;
  startSigma: number;
  /** Noise level of a two-step student's second evaluation; null where it has one. */
  sigmaMid: number | null;
  generator: SideSettings;
  /** Blocks whose activations are made once more before their gradients (checkpoints.ts); none where nothing is said. */
  recomputed?: ReadonlySet<number>;
}

/** A step of what follows a teacher image by image. */
export interface InstanceSettings extends GeneratorSettings {
  /** Its parameters have the student's shapes. */
  teacher: NetworkConfig;
  /** Imitation: descending noise levels of the teacher's Heun steps from the start, the last one 0. null: consistency distillation. */
  path: readonly number[] | null;
  /** What images are compared by; null: pixels. */
  features: FrozenFeatures | null;
  batch: number;
}

/** A step of the GAN. */
export interface IterationSettings extends GeneratorSettings {
  /** Its parameters are those of `heads`. */
  discriminator: Pick<SideSettings, 'beta2' | 'eps'>;
  features: readonly FeatureNetworkGraph[];
  /** The discriminator sees the student's images clipped to [-1, 1]. */
  clipFakes: boolean;
  /** The discriminator sees images through DiffAugment. */
  diffAugment: boolean;
  heads: HeadsConfig;
  loss: LossForm;
  /** One set of fakes for both updates, the discriminator's first; else fresh noise for each, the generator's first. */
  shareFakes: boolean;
}

/**
 * What one iteration, or a piece of one, computes and changes. State is the leaves of the graph, by these prefixes:
 * `generator.`, `heads.` (with `NAME.weight_u` and the running statistics of batch norms), `teacher.`, `features.I.` and `mixing.I.` frozen, `adamG.` and `adamD.` second moments,
 * `ema.`, `target.` (of consistency distillation, another average); between the parts of a batch `sumG.` and `sumD.`, their gradients so far, and `power.`, the power vectors after them.
 * Given at each run: `z` and, with fresh noise, `z discriminator`, unit normals; `noise`, the embedding of c_noise, and
 * `noise second`, that of a second evaluation;
 * `labels`; `real`; `ratesG` and `ratesD`, each [rate, 1 / sqrt(1 - beta2^t)]; `share`, of the new value in the average; `part`, of a part among the
 * parts so far.
 */
export interface Iteration {
  graph: Graph;
  /** Numbers of the step: `lossG`, `lossD`, `logitsFake`, `logitsReal`, `r1`, and `squaresG`, `squaresD` of all gradients. */
  reports: ReadonlyMap<string, Node>;
  /** Nodes that write state in place, in order. */
  updates: readonly Node[];
  /** State that takes over a node's value at the end of the step. */
  carried: ReadonlyMap<string, Node>;
  /** Names of the parameters that train, by this step or another: nothing that is made of one outlives a run. */
  moving: ReadonlySet<string>;
  /** The state in which the gradients of parts of a batch add up, by the name of their parameter: what this step blends into. */
  sums: ReadonlyMap<string, string>;
  /** Nodes that are other ones once more, and what else could be. */
  twins?: ReadonlySet<Node>;
  recomputable?: readonly Recomputable[];
  /** Vectors and maps that are given back as they are: of a network that is only run. */
  results?: ReadonlyMap<string, Node>;
}
