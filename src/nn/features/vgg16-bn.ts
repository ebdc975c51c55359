import * as tf from '@tensorflow/tfjs-core';
import { InnateError } from '../../lib/errors';
import type { WeightSource } from '../weights';
import { foldedNorms } from './folded-norms';
import { FrozenLayers, imageNetNormalise, nominalSizes } from './frozen';

/** Convolutions by their place in torchvision's `features`, stage by stage; a batch norm and a ReLU follow each. */
const STAGES: readonly (readonly number[])[] = [
  [0, 3],
  [7, 10],
  [14, 17, 20],
  [24, 27, 30],
  [34, 37, 40],
];
const EPS = 1e-5;

/**
 * VGG16 with batch norm (Simonyan & Zisserman 2015) from torchvision's state dict, cut where the published discriminator
 * looks: `features` before 13, 23, 33 and 43, the last ReLU of stages 2 to 5. Widths are those of the weights.
 */
export class VGG16BN {
  readonly channels: number[];
  private readonly layers: FrozenLayers;

  constructor(
    source: WeightSource,
    /** Height and width to which images are enlarged first; 224 in the paper. */
    readonly size = 224,
  ) {
    if (size % 16 !== 0)
      throw new InnateError('bad-argument', 'VGG16 halves its images four times', {
        expected: 'a feature size that 16 divides',
        found: String(size),
      });
    this.layers = new FrozenLayers(folded(source));
    this.channels = STAGES.slice(1).map((stage) => source.shape(`features.${stage.at(-1)}.weight`)![0]!);
  }

  sizes(): number[] {
    return [2, 4, 8, 16].map((stride) => this.size / stride);
  }

  nominalSizes(): number[] {
    return nominalSizes(this.size);
  }

  /** The four maps of x [N, R, R, 1 or 3] in [-1, 1]. Call inside tf.tidy. */
  maps(x: tf.Tensor4D): tf.Tensor4D[] {
    const { layers } = this;
    let h = layers.resize(imageNetNormalise(layers, x), this.size);
    const maps: tf.Tensor4D[] = [];
    for (const [stage, places] of STAGES.entries()) {
      if (stage > 0) h = maxPool2(h);
      for (const place of places)
        h = layers.conv(h, `features.${place}`, { activation: 'relu', padding: 'symmetric' });
      if (stage > 0) maps.push(h);
    }
    return maps;
  }

  dispose(): void {
    this.layers.dispose();
  }
}

/** The largest of every 2x2 pixels. Made of maxima of two: the stock gradient of a max pool is not on every back-end. */
function maxPool2(x: tf.Tensor4D): tf.Tensor4D {
  const [n, h, w, c] = x.shape;
  const half = (t: tf.Tensor, axis: 1 | 2, at: 0 | 1): tf.Tensor => {
    const [begin, size] = [[0, 0, 0, 0], [...t.shape]];
    begin[axis] = at;
    size[axis] = 1;
    return tf.slice(t, begin, size);
  };
  const rows = tf.reshape(x, [(n * h) / 2, 2, w, c]);
  const high = tf.maximum(half(rows, 1, 0), half(rows, 1, 1));
  const columns = tf.reshape(high, [(n * h) / 2, w / 2, 2, c]);
  return tf.reshape(tf.maximum(half(columns, 2, 0), half(columns, 2, 1)), [
    n,
    h / 2,
    w / 2,
    c,
  ]) as tf.Tensor4D;
}

/** `features.I.weight` and `.bias` with the batch norm of `features.(I + 1)` in them. */
const folded = (source: WeightSource): WeightSource =>
  foldedNorms(source, EPS, (layer) => {
    const place = Number(/^features\.(\d+)$/.exec(layer)?.[1]);
    const norm = `features.${place + 1}`;
    return {
      weight: `${layer}.weight`,
      bias: `${layer}.bias`,
      scale: `${norm}.weight`,
      shift: `${norm}.bias`,
      mean: `${norm}.running_mean`,
      variance: `${norm}.running_var`,
    };
  });
