import * as tf from '@tensorflow/tfjs-core';
import type { WeightSource } from '../weights';
import { FrozenLayers, toRgb } from './frozen';

/** Height and width that the network sees. */
const SIZE = 299;

/**
 * How images become 299 x 299. 'tensorflow-1': as the graph that FID was defined with (bilinear without half-pixel centres,
 * then (b - 128) / 128 of bytes b), which EDM's fid.py and torch-fidelity follow; 'pytorch-fid': bilinear with half-pixel
 * centres, then b / 127.5 - 1.
 */
export type InceptionInput = 'tensorflow-1' | 'pytorch-fid';

/** Branches of a block: convolutions in a row, by name; a list at the end is a fork whose ends are joined. */
type Branch = readonly (string | readonly string[])[];

interface Block {
  branches: readonly Branch[];
  /** What comes last: a pool before a 1 x 1 convolution, or one that takes every second pixel alone. */
  pool: 'average' | 'largest' | 'stride';
}

/** Inception-v3's blocks by torchvision's names, with the two pools that the graph of FID has otherwise. */
const A: Block = {
  branches: [['branch1x1'], numbered('branch5x5', 2), numbered('branch3x3dbl', 3)],
  pool: 'average',
};
const B: Block = { branches: [['branch3x3'], numbered('branch3x3dbl', 3)], pool: 'stride' };
const C: Block = {
  branches: [['branch1x1'], numbered('branch7x7', 3), numbered('branch7x7dbl', 5)],
  pool: 'average',
};
const D: Block = { branches: [numbered('branch3x3', 2), numbered('branch7x7x3', 4)], pool: 'stride' };
const FORKS: readonly Branch[] = [
  ['branch1x1'],
  ['branch3x3_1', ['branch3x3_2a', 'branch3x3_2b']],
  ['branch3x3dbl_1', 'branch3x3dbl_2', ['branch3x3dbl_3a', 'branch3x3dbl_3b']],
];
const BLOCKS: readonly [name: string, block: Block][] = [
  ['Mixed_5b', A],
  ['Mixed_5c', A],
  ['Mixed_5d', A],
  ['Mixed_6a', B],
  ['Mixed_6b', C],
  ['Mixed_6c', C],
  ['Mixed_6d', C],
  ['Mixed_6e', C],
  ['Mixed_7a', D],
  ['Mixed_7b', { branches: FORKS, pool: 'average' }],
  // The published graph takes the largest here, where the paper averages.
  ['Mixed_7c', { branches: FORKS, pool: 'largest' }],
];

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name}_${i + 1}`);
}

const STEM = ['Conv2d_1a_3x3', 'Conv2d_2a_3x3', 'Conv2d_2b_3x3', 'Conv2d_3b_1x1', 'Conv2d_4a_3x3'];

/** Names of all convolutions, as torchvision has them. */
export const INCEPTION_LAYERS: readonly string[] = [
  ...STEM,
  ...BLOCKS.flatMap(([name, { branches, pool }]) =>
    [...branches.flat(2), ...(pool === 'stride' ? [] : ['branch_pool'])].map((layer) => `${name}.${layer}`),
  ),
];

/**
 * The Inception-v3 of the Fréchet Inception distance (Szegedy et al. 2016; Heusel et al. 2017): the network of TensorFlow's
 * inception-2015-12-05, whose average pools leave out the padding and whose last block takes the largest. It differs in both
 * from torchvision's. `source` has LAYER.weight and LAYER.bias of `INCEPTION_LAYERS`, norms folded in, and fc.weight. Widths
 * are those of the weights: 2,048 features and 1,008 logits of the published ones.
 */
export class InceptionV3 {
  readonly dims: number;
  /** Number of classes of the logits. */
  readonly classes: number;
  private readonly layers: FrozenLayers;

  constructor(
    source: WeightSource,
    readonly input: InceptionInput = 'tensorflow-1',
  ) {
    const [classes, dims] = source.shape('fc.weight') as [number, number];
    this.classes = classes;
    this.dims = dims;
    this.layers = new FrozenLayers(source);
  }

  /** x [N, R, R, 1 or 3] in [-1, 1], as bytes are, to [N, dims]. Call inside tf.tidy. */
  features(x: tf.Tensor4D): tf.Tensor2D {
    let h = tf.tidy(() => this.stem(this.prepared(x)));
    for (const [name, block] of BLOCKS) {
      const from = h;
      h = tf.tidy(() => this.block(from, name, block));
      from.dispose();
    }
    return tf.mean(h, [1, 2]) as tf.Tensor2D;
  }

  /** Logits [N, classes] of features, without the bias: as the published Inception score takes them. */
  logits(features: tf.Tensor2D): tf.Tensor2D {
    return tf.matMul(features, this.layers.parameter('fc.weight') as tf.Tensor2D, false, true);
  }

  dispose(): void {
    this.layers.dispose();
  }

  private prepared(x: tf.Tensor4D): tf.Tensor4D {
    const rgb = toRgb(x);
    if (this.input === 'pytorch-fid') return this.layers.resize(rgb, SIZE);
    const resized = this.layers.resizeAsTensorFlow1(rgb, SIZE);
    return tf.sub(tf.mul(resized, 127.5 / 128), 0.5 / 128);
  }

  private stem(x: tf.Tensor4D): tf.Tensor4D {
    const { layers } = this;
    const [a1, a2, b2, b3, a4] = STEM as [string, string, string, string, string];
    let h = layers.conv(x, a1, { stride: 2, padding: 'none', activation: 'relu' });
    h = layers.conv(h, a2, { padding: 'none', activation: 'relu' });
    h = tf.maxPool(this.conv(h, b2), 3, 2, 'valid');
    h = layers.conv(this.conv(h, b3), a4, { padding: 'none', activation: 'relu' });
    return tf.maxPool(h, 3, 2, 'valid');
  }

  private block(x: tf.Tensor4D, name: string, { branches, pool }: Block): tf.Tensor4D {
    const halves = pool === 'stride';
    const ends = branches.flatMap((branch) => this.branch(x, name, branch, halves));
    return tf.concat([...ends, this.pooled(x, name, pool)], 3);
  }

  private branch(x: tf.Tensor4D, block: string, branch: Branch, halves: boolean): tf.Tensor4D[] {
    let h = x;
    for (const [i, layer] of branch.entries()) {
      if (typeof layer !== 'string') return layer.map((end) => this.conv(h, `${block}.${end}`));
      const last = i === branch.length - 1;
      h = this.conv(h, `${block}.${layer}`, halves && last);
    }
    return [h];
  }

  private pooled(x: tf.Tensor4D, block: string, pool: Block['pool']): tf.Tensor4D {
    if (pool === 'stride') return tf.maxPool(x, 3, 2, 'valid');
    // TensorFlow's averages count no padding, and nothing is smaller than the padding of its maxima.
    const around = pool === 'average' ? tf.avgPool(x, 3, 1, 'same') : tf.maxPool(x, 3, 1, 'same');
    return this.conv(around, `${block}.branch_pool`);
  }

  /** Of its own size, or with stride 2 and no padding. */
  private conv(x: tf.Tensor4D, name: string, halves = false): tf.Tensor4D {
    return this.layers.conv(
      x,
      name,
      halves
        ? { stride: 2, padding: 'none', activation: 'relu' }
        : { padding: 'symmetric', activation: 'relu' },
    );
  }
}
