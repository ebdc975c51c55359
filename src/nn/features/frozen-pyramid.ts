import * as tf from '@tensorflow/tfjs-core';
import type { FeatureOps } from '../ops';
import type { WeightSource } from '../weights';
import { averagedDown, FrozenLayers, nominalSizes } from './frozen';

/** A frozen network as a discriminator sees images through it: four maps, of strides 4, 8, 16 and 32. */
export abstract class FrozenPyramid {
  /** Channels of the four maps. */
  abstract readonly channels: readonly number[];
  protected readonly layers: FrozenLayers;

  constructor(
    private readonly source: WeightSource,
    /** Height and width to which images are enlarged first; 224 in the paper. */
    readonly size = 224,
  ) {
    this.layers = new FrozenLayers(source);
  }

  /** The four maps of images x [N, R, R, 1 or 3] in [-1, 1], whoever executes. */
  protected abstract mapsOn<T>(ops: FeatureOps<T>, x: T): T[];

  /** The four maps on TensorFlow.js. Call inside tf.tidy. */
  maps(x: tf.Tensor4D): tf.Tensor4D[] {
    return this.mapsOn(this.layers, x);
  }

  /** For a graph that is recorded. */
  get recorded() {
    return { weights: this.source, maps: <T>(ops: FeatureOps<T>, x: T) => this.mapsOn(ops, x) };
  }

  /** Number of features: channels of the last map. */
  get dims(): number {
    return this.channels.at(-1)!;
  }

  /** The last map's mean over its pixels, [N, dims] of images x as of `maps`. Call inside tf.tidy. */
  features(x: tf.Tensor4D): tf.Tensor2D {
    return tf.mean(this.maps(averagedDown(x, this.size)).at(-1)!, [1, 2]) as tf.Tensor2D;
  }

  /** Height and width of the four maps. */
  sizes(): number[] {
    return [4, 8, 16, 32].map((stride) => Math.ceil(this.size / stride));
  }

  /** The sizes as the paper's heads count them. */
  nominalSizes(): number[] {
    return nominalSizes(this.size);
  }

  dispose(): void {
    this.layers.dispose();
  }
}
