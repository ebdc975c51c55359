import * as tf from '@tensorflow/tfjs-core';
import { InnateError } from '../lib/errors';
import { convLayers, headLogits, type SpectralState } from '../nn/discriminator/forward';
import { type HeadParameter, type HeadsConfig, headParameters } from '../nn/discriminator/heads';
import { Mixing } from '../nn/discriminator/mixing';
import { type PowerVectors, powerIteration } from '../nn/discriminator/spectral';
import type { TeacherEncoder } from '../nn/features/teacher-encoder';
import type { TokenOps } from '../nn/ops';
import type { WeightSource } from '../nn/weights';
import type { DistilConfig } from './config';
import { RandomStream } from './random';
import type { StateTensor } from './saved';
import { TrainableParameters } from './trainable';

/** A frozen feature network as the loop uses it: images [N, R, R, C] in [-1, 1] to maps, finest first. */
export interface FeatureNetwork {
  readonly channels: readonly number[];
  sizes(): number[];
  /** What the paper's heads count as the sizes, where that is something else. */
  nominalSizes?(): number[];
  /** `random` draws whatever noise the network adds to its input. Call inside tf.tidy. */
  maps(x: tf.Tensor4D, labels: tf.Tensor2D | null, random: RandomStream): tf.Tensor4D[];
  /** The same for a recorded step; absent where its operations cannot be recorded. */
  readonly recorded?: RecordedFeatures;
  /** Where it is the teacher's own encoder. */
  readonly encoder?: RecordedEncoder;
  dispose?(): void;
}

/** A feature network in the vocabulary of the graph, with its weights. */
export interface RecordedFeatures {
  weights: WeightSource;
  maps<T>(ops: TokenOps<T>, x: T): T[];
}

/** The encoder of the run's own teacher, whose weights are at hand. */
export type RecordedEncoder = Pick<TeacherEncoder, 'names' | 'sigmas'>;

/** Class embeddings [rows, dim] from which every head's table begins: the first rows, one a class. */
export interface ClassTable {
  rows: number;
  dim: number;
  values: Float32Array;
}

/** Length of the published class embeddings, and of random ones. */
const EMBEDDING_DIM = 320;

/**
 * The projected discriminator in training: frozen feature networks with their mixing, trained heads, and the power
 * vectors of their spectral norm. Every forward pass of the heads advances those vectors by one iteration.
 */
export class Discriminator {
  readonly heads: HeadsConfig;
  readonly parameters: TrainableParameters;
  private readonly looks: { network: FeatureNetwork; mixing: Mixing }[];
  private readonly lossMean: DistilConfig['lossMean'];
  private power: Map<string, PowerVectors>;
  /** Running mean and variance of every batch norm, as PyTorch keeps them; training itself never reads them. */
  private readonly running = new Map<string, tf.Tensor1D>();

  constructor(
    networks: readonly FeatureNetwork[],
    config: DistilConfig,
    classes: number,
    saved?: Pick<WeightSource, 'shape' | 'read'>,
    table?: ClassTable | null,
  ) {
    const { heads: style } = config;
    if (table && !saved) checkTablePlace(style, classes);
    this.lossMean = config.lossMean;
    this.looks = networks.map((network, i) => ({
      network,
      mixing: new Mixing(style, network.channels, network.sizes(), new RandomStream(3, 'mixing', i)),
    }));
    const firstTable = saved?.shape('mini_discs.0.embed.weight');
    this.heads = {
      style,
      channels: this.looks.flatMap(({ mixing }) => mixing.channels),
      sizes: this.looks.flatMap(({ network, mixing }) =>
        style === 'paper' && network.nominalSizes ? network.nominalSizes().map((s) => 2 * s) : mixing.sizes,
      ),
      networks: networks.map(({ channels }) => channels.length),
      classes,
      embeddingDim: firstTable?.[1] ?? table?.dim ?? EMBEDDING_DIM,
      width: config.headWidth,
    };
    const specs = headParameters(this.heads);
    this.parameters = new TrainableParameters(
      saved ? withOwnTables(saved) : initialHeads(specs, config.seed, table ?? null),
      specs.map((s) => s.name),
      () => true,
    );
    this.power = new Map(
      convLayers(this.heads).map(({ name, outChannels }, i) => {
        const key = `${name}.weight_u`;
        const u = saved?.shape(key)
          ? saved.read(key)
          : new RandomStream(config.seed, 'heads', 1_000_000 + i).normals(outChannels);
        const vector = tf.keep(tf.tensor2d(u, [outChannels, 1]));
        return [name, { u: vector, v: vector }];
      }),
    );
    for (const { name, shape, kind } of specs) {
      if (kind !== 'scale') continue;
      for (const [what, fresh] of [
        ['running_mean', 0],
        ['running_var', 1],
      ] as const) {
        const key = name.replace(/weight$/, what);
        const values = saved?.shape(key) ? saved.read(key) : new Float32Array(shape[0]!).fill(fresh);
        this.running.set(key, tf.keep(tf.tensor1d(values)));
      }
    }
    // Small heads begin near the truth: an underestimated singular value makes the first steps huge. The published
    // ones begin from random vectors, as torch.nn.utils.spectral_norm does.
    if (!saved && style === 'small') for (let i = 0; i < 15; i++) this.release(this.advance());
  }

  /** Mixed feature maps of images. Call inside tf.tidy. */
  look(x: tf.Tensor4D, labels: tf.Tensor2D | null, random: RandomStream): tf.Tensor4D[] {
    return this.looks.flatMap(({ network, mixing }) => mixing.mix(network.maps(x, labels, random)));
  }

  /**
   * One power iteration of every weight: the state for one forward pass of the heads, which the caller releases
   * after its gradients are taken.
   */
  advance(): SpectralState {
    const before = this.power;
    this.power = new Map();
    const state = new Map<string, PowerVectors>();
    for (const [name, vectors] of before) {
      const next = powerIteration(this.parameters.get(`${name}.weight_orig`), vectors);
      state.set(name, { u: tf.keep(next.u), v: tf.keep(next.v) });
      this.power.set(name, { u: tf.keep(tf.clone(next.u)), v: tf.keep(tf.clone(next.v)) });
      tf.dispose(vectors.u === vectors.v ? vectors.u : [vectors.u, vectors.v]);
    }
    return state;
  }

  release(state: SpectralState): void {
    for (const { u, v } of state.values()) tf.dispose([u, v]);
  }

  /**
   * Logits [N, k], an entry for each mean of the loss: of each head, or of all heads of each feature network as published.
   * Call inside tf.tidy.
   */
  logits(maps: readonly tf.Tensor4D[], state: SpectralState, labels: tf.Tensor2D | null): tf.Tensor2D[] {
    const classes = this.heads.classes ? labels : null;
    const ofHeads = headLogits(this.heads, this.parameters, state, maps, classes, (name, mean, variance) => {
      this.run(`${name}.running_mean`, mean);
      this.run(`${name}.running_var`, variance);
    });
    if (this.lossMean === 'scale') return ofHeads;
    let from = 0;
    return this.heads.networks.map((count) => {
      const own = ofHeads.slice(from, from + count);
      from += count;
      return tf.concat(own, 1);
    });
  }

  /** Momentum 0.1. */
  private run(key: string, value: tf.Tensor1D): void {
    const before = this.running.get(key)!;
    this.running.set(key, tf.keep(tf.add(tf.mul(before, 0.9), tf.mul(value, 0.1)) as tf.Tensor1D));
    before.dispose();
  }

  /** `NAME.weight_u` of every convolution and the running statistics of every batch norm, for the saved state. */
  async buffers(): Promise<Map<string, Float32Array>> {
    const out = new Map<string, Float32Array>();
    for (const [name, tensor] of this.running) out.set(name, (await tensor.data()) as Float32Array);
    for (const [name, { u }] of this.power) out.set(`${name}.weight_u`, (await u.data()) as Float32Array);
    return out;
  }

  /** All that is saved of it: what trains, and the buffers. */
  async state(): Promise<Map<string, StateTensor>> {
    const { parameters } = this;
    const out = new Map<string, StateTensor>();
    for (const name of parameters.variables().keys())
      out.set(name, { shape: parameters.shape(name)!, values: await parameters.fetch(name) });
    for (const [name, values] of await this.buffers()) out.set(name, { shape: [values.length], values });
    return out;
  }

  dispose(): void {
    for (const { mixing } of this.looks) mixing.dispose();
    this.parameters.dispose();
    tf.dispose([...this.running.values()]);
    for (const { u, v } of this.power.values()) tf.dispose(u === v ? u : [u, v]);
    this.power.clear();
  }
}

/** States from before every head had a table of its own hold one for all: each head goes on from a copy. */
const withOwnTables = (saved: Pick<WeightSource, 'shape' | 'read'>): Pick<WeightSource, 'shape' | 'read'> => {
  const stored = (name: string) =>
    saved.shape(name) || !/^mini_discs\.\d+\.embed\.weight$/.test(name) ? name : 'embed.weight';
  return { shape: (name) => saved.shape(stored(name)), read: (name) => saved.read(stored(name)) };
};

/**
 * PyTorch's defaults: uniform in +-1 / sqrt(fan in) for convolutions and their biases, ones and zeros for norms, unit
 * normals for embeddings; a table stands for the latter where there is one.
 */
function initialHeads(
  specs: readonly HeadParameter[],
  seed: number,
  table: ClassTable | null,
): Pick<WeightSource, 'shape' | 'read'> {
  const byName = new Map(specs.map((spec, i) => [spec.name, { spec, i }]));
  return {
    shape: (name) => byName.get(name)?.spec.shape,
    read(name) {
      const { spec, i } = byName.get(name)!;
      const count = spec.shape.reduce((a, b) => a * b, 1);
      const random = new RandomStream(seed, 'heads', i);
      switch (spec.kind) {
        case 'scale':
          return new Float32Array(count).fill(1);
        case 'shift':
          return new Float32Array(count);
        case 'embedding':
          return table ? firstRows(table, spec.shape[0]!) : random.normals(count);
        case 'projection':
          return random.normals(count);
        case 'conv':
        case 'bias': {
          const weight =
            spec.kind === 'conv' ? spec : byName.get(name.replace('.bias', '.weight_orig'))!.spec;
          const bound = 1 / Math.sqrt(weight.shape.slice(1).reduce((a, b) => a * b, 1));
          return random.uniforms(count).map((u) => (2 * u - 1) * bound);
        }
      }
    },
  };
}

/** Throws a `bad-argument` error where heads have no table of class embeddings for a given one to begin. */
function checkTablePlace(style: DistilConfig['heads'], classes: number): void {
  if (style === 'paper' && classes > 0) return;
  throw new InnateError('bad-argument', 'these heads take no class embeddings', {
    where: 'classEmbeddings',
    expected: "the paper's heads of a conditional network; the small heads have unit embeddings of their own",
    found: `${style} heads, ${classes} classes`,
    hint: 'Leave the class embeddings out, or choose a preset of the paper and a teacher with classes',
  });
}

function firstRows({ rows, dim, values }: ClassTable, classes: number): Float32Array {
  if (rows < classes)
    throw new InnateError('mismatch', 'the table of class embeddings has too few rows', {
      expected: `at least ${classes}`,
      found: String(rows),
    });
  return values.slice(0, classes * dim);
}
