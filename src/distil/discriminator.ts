import * as tf from '@tensorflow/tfjs-core';
import { convLayers, headLogits, type SpectralState } from '../nn/discriminator/forward';
import { type HeadParameter, type HeadsConfig, headParameters } from '../nn/discriminator/heads';
import { Mixing } from '../nn/discriminator/mixing';
import { type PowerVectors, powerIteration } from '../nn/discriminator/spectral';
import type { WeightSource } from '../nn/weights';
import type { DistilConfig } from './config';
import { RandomStream } from './random';
import { TrainableParameters } from './trainable';

/** A frozen feature network as the loop uses it: images [N, R, R, C] in [-1, 1] to maps, finest first. */
export interface FeatureNetwork {
  readonly channels: readonly number[];
  sizes(): number[];
  /** `random` draws whatever noise the network adds to its input. Call inside tf.tidy. */
  maps(x: tf.Tensor4D, labels: tf.Tensor2D | null, random: RandomStream): tf.Tensor4D[];
}

/**
 * The projected discriminator in training: frozen features and mixing, trained heads, and the power vectors of
 * their spectral norm. Every forward pass of the heads advances those vectors by one iteration.
 */
export class Discriminator {
  readonly heads: HeadsConfig;
  readonly parameters: TrainableParameters;
  private readonly mixing: Mixing;
  private power: Map<string, PowerVectors>;
  /** Running mean and variance of every batch norm, as PyTorch keeps them; training itself never reads them. */
  private readonly running = new Map<string, tf.Tensor1D>();

  constructor(
    private readonly features: FeatureNetwork,
    config: DistilConfig,
    classes: number,
    saved?: Pick<WeightSource, 'shape' | 'read'>,
  ) {
    this.mixing = new Mixing(
      config.heads,
      features.channels,
      features.sizes(),
      new RandomStream(3, 'mixing', 0),
    );
    this.heads = {
      style: config.heads,
      channels: this.mixing.channels,
      sizes: this.mixing.sizes,
      classes,
      embeddingDim: 320,
      width: config.headWidth,
    };
    const specs = headParameters(this.heads);
    this.parameters = new TrainableParameters(
      saved ?? initialHeads(specs, config.seed),
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
    // Begin near the truth: an underestimated singular value makes the first steps huge.
    if (!saved) for (let i = 0; i < 15; i++) this.release(this.advance());
  }

  /** Mixed feature maps of images. Call inside tf.tidy. */
  look(x: tf.Tensor4D, labels: tf.Tensor2D | null, random: RandomStream): tf.Tensor4D[] {
    return this.mixing.mix(this.features.maps(x, labels, random));
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

  /** Logits [N, k] of each head. Call inside tf.tidy. */
  logits(maps: readonly tf.Tensor4D[], state: SpectralState, labels: tf.Tensor2D | null): tf.Tensor2D[] {
    const classes = this.heads.classes ? labels : null;
    return headLogits(this.heads, this.parameters, state, maps, classes, (name, mean, variance) => {
      this.run(`${name}.running_mean`, mean);
      this.run(`${name}.running_var`, variance);
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

  dispose(): void {
    this.mixing.dispose();
    this.parameters.dispose();
    tf.dispose([...this.running.values()]);
    for (const { u, v } of this.power.values()) tf.dispose(u === v ? u : [u, v]);
    this.power.clear();
  }
}

/** PyTorch's defaults: uniform in +-1 / sqrt(fan in) for convolutions and their biases, ones and zeros for norms. */
function initialHeads(specs: readonly HeadParameter[], seed: number): Pick<WeightSource, 'shape' | 'read'> {
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
