import type { FeatureOps } from '../ops';
import { FrozenPyramid } from './frozen-pyramid';

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
 * EfficientNet-Lite0 up to its last block (Tan & Le 2019; the Lite variant has ReLU6 and no squeeze-excitation), the
 * network through which the paper's discriminator sees images: the four maps of x [N, R, R, 1 or 3].
 *
 * The range of x, [-1, 1], is the network's own: the Lite family was trained with mean and standard deviation 0.5
 * (Zyriix/D2O, feature_networks/constants.py), not with ImageNet's.
 */
export function efficientNetMaps<T>(ops: FeatureOps<T>, x: T, size: number): T[] {
  let h = ops.conv(ops.resize(ops.toRgb(x), size), 'stem', { stride: 2, activation: 'relu6' });
  const maps: T[] = [];
  let index = 0;
  for (const [repeats, firstStride, expansion, map] of STAGES) {
    for (let i = 0; i < repeats; i++, index++) {
      const [x, name] = [h, `blocks.${index}`];
      h = ops.scope(() => {
        const inner = expansion > 1 ? ops.conv(x, `${name}.expand`, { activation: 'relu6' }) : x;
        const spatial = ops.conv(inner, `${name}.depthwise`, {
          stride: i === 0 ? firstStride : 1,
          depthwise: true,
          activation: 'relu6',
        });
        const projected = ops.conv(spatial, `${name}.project`);
        return i === 0 ? projected : ops.add(projected, x);
      });
    }
    if (map) maps.push(h);
  }
  return maps;
}

/** EfficientNet-Lite0 (timm's tf_efficientnet_lite0) as the feature network of the published discriminator: maps at strides 4, 8, 16 and 32. */
export class EfficientNetLite0 extends FrozenPyramid {
  readonly channels = [24, 40, 112, 320];

  protected mapsOn<T>(ops: FeatureOps<T>, x: T): T[] {
    return efficientNetMaps(ops, x, this.size);
  }
}
