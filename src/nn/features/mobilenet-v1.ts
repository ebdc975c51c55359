import * as tf from '@tensorflow/tfjs-core';
import { toRgb } from './frozen';
import { FrozenPyramid } from './frozen-pyramid';

/** Depthwise layers of stride 2, counted from 1 of thirteen. */
const STRIDED = [2, 4, 6, 12];
/** Layers whose outputs a discriminator looks at: the last ones of strides 4, 8, 16 and 32. */
const MAPS = [3, 5, 11, 13];

/** MobileNetV1 (Howard et al. 2017) at width 0.25: a tenth of EfficientNet's weights and work. */
export class MobileNetV1 extends FrozenPyramid {
  readonly channels = [32, 64, 128, 256];
  readonly dims = 256;

  /** The range of x, [-1, 1], is this network's own. */
  maps(x: tf.Tensor4D): tf.Tensor4D[] {
    const { layers } = this;
    let h = layers.conv(layers.resize(toRgb(x), this.size), 'stem', { stride: 2, activation: 'relu6' });
    const maps: tf.Tensor4D[] = [];
    for (let i = 1; i <= 13; i++) {
      const stride = STRIDED.includes(i) ? 2 : 1;
      h = layers.conv(h, `layers.${i}.depthwise`, { stride, depthwise: true, activation: 'relu6' });
      h = layers.conv(h, `layers.${i}.pointwise`, { activation: 'relu6' });
      if (MAPS.includes(i)) maps.push(h);
    }
    return maps;
  }

  /** The last map's mean over its pixels: [N, 256] of images x as of `maps`. Call inside tf.tidy. */
  features(x: tf.Tensor4D): tf.Tensor2D {
    return tf.mean(this.maps(x).at(-1)!, [1, 2]) as tf.Tensor2D;
  }
}
