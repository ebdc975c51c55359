import * as tf from '@tensorflow/tfjs-core';
import type { WeightSource } from '../weights';
import { averagedDown, FrozenLayers, imageNetNormalise } from './frozen';

/**
 * A CIFAR ResNet with option A shortcuts (He et al. 2016), 64 features before its classifier: what Fréchet
 * distances are measured on where the Inception network cannot be had. Depth 6n + 2 is read off the weights.
 */
export class CifarResNet {
  readonly dims = 64;
  readonly size = 32;
  private readonly layers: FrozenLayers;
  private readonly perStage: number;

  constructor(source: WeightSource) {
    this.layers = new FrozenLayers(source);
    let n = 0;
    while (source.shape(`layer1.${n}.conv1.weight`)) n++;
    this.perStage = n;
  }

  /** x [N, R, R, 1 or 3] in [-1, 1], R = 32 or a multiple (averaged down), to [N, 64]. Call inside tf.tidy. */
  features(x: tf.Tensor4D): tf.Tensor2D {
    const { layers } = this;
    let h = layers.conv(
      imageNetNormalise(layers, layers.resize(averagedDown(x, this.size), this.size)),
      'conv1',
      {
        activation: 'relu',
        padding: 'symmetric',
      },
    );
    for (const stage of [1, 2, 3])
      for (let i = 0; i < this.perStage; i++) {
        const from = h;
        h = tf.tidy(() => this.block(from, `layer${stage}.${i}`, stage > 1 && i === 0));
        from.dispose(); // 54 layers of a batch would be some 250 MB
      }
    return tf.mean(h, [1, 2]) as tf.Tensor2D;
  }

  dispose(): void {
    this.layers.dispose();
  }

  private block(x: tf.Tensor4D, name: string, halves: boolean): tf.Tensor4D {
    const { layers } = this;
    const stride = halves ? 2 : 1;
    const inner = layers.conv(x, `${name}.conv1`, { stride, activation: 'relu', padding: 'symmetric' });
    const out = layers.conv(inner, `${name}.conv2`, { padding: 'symmetric' });
    return tf.relu(tf.add(out, halves ? shortcut(x) : x)) as tf.Tensor4D;
  }
}

/** Every second pixel, with a quarter of the new width in zero channels on either side. */
function shortcut(x: tf.Tensor4D): tf.Tensor4D {
  const [n, h, w, c] = x.shape;
  const even = tf.stridedSlice(x, [0, 0, 0, 0], [n, h, w, c], [1, 2, 2, 1]);
  return tf.pad(even, [
    [0, 0],
    [0, 0],
    [0, 0],
    [c / 2, c / 2],
  ]) as tf.Tensor4D;
}
