import type { FeatureOps } from '../ops';
import { FrozenPyramid } from './frozen-pyramid';

/** Depthwise layers of stride 2, counted from 1 of thirteen. */
const STRIDED = [2, 4, 6, 12];
/** Layers whose outputs a discriminator looks at: the last ones of strides 4, 8, 16 and 32. */
const MAPS = [3, 5, 11, 13];

/**
 * MobileNetV1 (Howard et al. 2017) at width 0.25, a tenth of EfficientNet's weights and work: the four maps of x
 * [N, R, R, 1 or 3] in [-1, 1], which is this network's own range.
 */
export function mobileNetMaps<T>(ops: FeatureOps<T>, x: T, size: number): T[] {
  let h = ops.conv(ops.resize(ops.toRgb(x), size), 'stem', { stride: 2, activation: 'relu6' });
  const maps: T[] = [];
  for (let i = 1; i <= 13; i++) {
    const stride = STRIDED.includes(i) ? 2 : 1;
    const x = h;
    h = ops.scope(() => {
      const spatial = ops.conv(x, `layers.${i}.depthwise`, { stride, depthwise: true, activation: 'relu6' });
      return ops.conv(spatial, `layers.${i}.pointwise`, { activation: 'relu6' });
    });
    if (MAPS.includes(i)) maps.push(h);
  }
  return maps;
}

/** MobileNetV1 0.25 (Howard et al. 2017) as a feature network: maps at strides 4, 8, 16 and 32. */
export class MobileNetV1 extends FrozenPyramid {
  readonly channels = [32, 64, 128, 256];

  protected mapsOn<T>(ops: FeatureOps<T>, x: T): T[] {
    return mobileNetMaps(ops, x, this.size);
  }
}
