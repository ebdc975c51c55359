import * as tf from '@tensorflow/tfjs-core';
import { FrozenLayers } from '../../nn/features/frozen';
import type { PooledNetwork } from '../../nn/ops';
import type { FeaturePass, PixelBatch } from './feature-pass';

/** A feature network op by op on TensorFlow.js: where nothing executes a recorded one. */
export class TensorFeatures implements FeaturePass {
  private readonly layers: FrozenLayers;

  constructor(private readonly net: PooledNetwork) {
    this.layers = new FrozenLayers(net.weights);
  }

  async run({ values, count, resolution, channels }: PixelBatch): Promise<ReadonlyMap<string, Float32Array>> {
    const tensors = tf.tidy(() => {
      const { features, logits } = this.net.measured<tf.Tensor4D>(
        this.layers,
        tf.tensor4d(values, [count, resolution, resolution, channels]),
      );
      return { features, ...(logits && { logits }) };
    });
    const out = new Map<string, Float32Array>();
    for (const [name, tensor] of Object.entries(tensors)) {
      out.set(name, (await tensor.data()) as Float32Array);
      tensor.dispose();
    }
    return out;
  }

  dispose(): void {
    this.layers.dispose();
  }
}
