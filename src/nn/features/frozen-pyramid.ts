import type * as tf from '@tensorflow/tfjs-core';
import type { FeatureOps, PooledNetwork, PooledOps, TokenOps } from '../ops';
import type { WeightSource } from '../weights';
import { FrozenLayers, nominalSizes } from './frozen';

/** A frozen network as a discriminator sees images through it: four maps, finest first. */
export abstract class FrozenMaps {
  /** Channels of the four maps. */
  abstract readonly channels: readonly number[];
  protected readonly layers: FrozenLayers;

  constructor(
    readonly weights: WeightSource,
    /** Height and width to which images are enlarged first; 224 in the paper. */
    readonly size = 224,
  ) {
    this.layers = new FrozenLayers(weights);
  }

  /** The four maps of images x [N, R, R, 1 or 3] in [-1, 1], whoever executes. */
  protected abstract mapsOn<T>(ops: TokenOps<T>, x: T): T[];

  /** The four maps on TensorFlow.js. Call inside tf.tidy. */
  maps(x: tf.Tensor4D): tf.Tensor4D[] {
    return this.mapsOn(this.layers, x);
  }

  /** For a graph that is recorded. */
  get recorded() {
    return { weights: this.weights, maps: <T>(ops: TokenOps<T>, x: T) => this.mapsOn(ops, x) };
  }

  /** Height and width of the four maps. */
  abstract sizes(): number[];

  /** The sizes as the paper's heads count them. */
  nominalSizes(): number[] {
    return nominalSizes(this.size);
  }

  dispose(): void {
    this.layers.dispose();
  }
}

/** One whose maps have strides 4, 8, 16 and 32, and whose last one images are measured through. */
export abstract class FrozenPyramid extends FrozenMaps implements PooledNetwork {
  protected abstract override mapsOn<T>(ops: FeatureOps<T>, x: T): T[];

  /** Number of features: channels of the last map. */
  get dims(): number {
    return this.channels.at(-1)!;
  }

  /** The last map's mean over its pixels of images x as of `maps`. */
  measured<T>(ops: PooledOps<T>, x: T): { features: T } {
    return { features: ops.mean(this.mapsOn(ops, ops.averagedDown(x, this.size)).at(-1)!) };
  }

  sizes(): number[] {
    return [4, 8, 16, 32].map((stride) => Math.ceil(this.size / stride));
  }
}
