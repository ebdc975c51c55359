import * as tf from '@tensorflow/tfjs-core';
import type { WeightSource } from '../weights';
import { FrozenLayers, toRgb } from './frozen';

/** Repeats, stride of the first, expansion, and whether the stage's output is one of the four maps. */
const STAGES: readonly [repeats: number, stride: 1 | 2, expansion: number, map: boolean][] = [
  [1, 1, 1, false],
  [2, 2, 6, true],
  [2, 2, 6, true],
  [3, 2, 6, false],
  [3, 1, 6, true],
  [4, 2, 6, false],
  [1, 1, 6, true],
];

/**
 * EfficientNet-Lite0 up to its last block (Tan & Le 2019; the Lite variant has ReLU6 and no squeeze-excitation),
 * as the paper's discriminator sees images: four maps of strides 4, 8, 16 and 32.
 */
export class EfficientNetLite0 {
  readonly channels = [24, 40, 112, 320];
  private readonly layers: FrozenLayers;

  constructor(
    source: WeightSource,
    /** Height and width to which images are enlarged first; 224 in the paper. */
    readonly size = 224,
  ) {
    this.layers = new FrozenLayers(source);
  }

  sizes(): number[] {
    return [4, 8, 16, 32].map((stride) => Math.ceil(this.size / stride));
  }

  /**
   * Returns the four maps of x [N, R, R, 1 or 3] in [-1, 1]. That is the network's own range: the Lite family was
   * trained with mean and standard deviation 0.5 (Zyriix/D2O, feature_networks/constants.py), not with ImageNet's.
   * Call inside tf.tidy.
   */
  maps(x: tf.Tensor4D): tf.Tensor4D[] {
    const { layers } = this;
    let h = layers.resize(toRgb(x), this.size);
    h = layers.conv(h, 'stem', { stride: 2, activation: 'relu6' });
    const maps: tf.Tensor4D[] = [];
    let index = 0;
    for (const [repeats, firstStride, expansion, map] of STAGES) {
      for (let i = 0; i < repeats; i++, index++) {
        const name = `blocks.${index}`;
        const inner = expansion > 1 ? layers.conv(h, `${name}.expand`, { activation: 'relu6' }) : h;
        const spatial = layers.conv(inner, `${name}.depthwise`, {
          stride: i === 0 ? firstStride : 1,
          depthwise: true,
          activation: 'relu6',
        });
        const projected = layers.conv(spatial, `${name}.project`);
        h = i === 0 ? projected : tf.add(projected, h);
      }
      if (map) maps.push(h);
    }
    return maps;
  }

  dispose(): void {
    this.layers.dispose();
  }
}
