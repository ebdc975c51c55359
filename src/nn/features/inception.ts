import type { PooledNetwork, PooledOps } from '../ops';
import type { WeightSource } from '../weights';
import { channelAffine, withTensors } from './made-weights';

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
export class InceptionV3 implements PooledNetwork {
  readonly dims: number;
  /** Number of classes of the logits. */
  readonly classes: number;
  readonly weights: WeightSource;

  constructor(
    source: WeightSource,
    readonly input: InceptionInput = 'tensorflow-1',
  ) {
    const [classes, dims] = source.shape('fc.weight') as [number, number];
    this.classes = classes;
    this.dims = dims;
    const [scale, shift] = [127.5 / 128, -0.5 / 128];
    const bytes = channelAffine('bytes', [scale, scale, scale], [shift, shift, shift]);
    this.weights = withTensors(source, new Map(bytes));
  }

  /** Of x as bytes are; logits without the bias: as the published Inception score takes them. */
  measured<T>(ops: PooledOps<T>, x: T): { features: T; logits: T } {
    let h = stem(ops, this.prepared(ops, ops.toRgb(x)));
    for (const [name, block] of BLOCKS) h = ops.block(h, (from) => mixed(ops, from, name, block));
    const features = ops.mean(h);
    return { features, logits: ops.linear(features, 'fc') };
  }

  /** Means of two pixels are scaled as the pixels are: what comes first is the smaller work. */
  private prepared<T>(ops: PooledOps<T>, rgb: T): T {
    if (this.input === 'pytorch-fid') return ops.resize(rgb, SIZE);
    return ops.resizeAsTensorFlow1(ops.conv(rgb, 'bytes'), SIZE);
  }
}

function stem<T>(ops: PooledOps<T>, x: T): T {
  const [a1, a2, b2, b3, a4] = STEM as [string, string, string, string, string];
  const valid = { padding: 'none', activation: 'relu' } as const;
  let h = ops.block(x, (from) => ops.conv(from, a1, { ...valid, stride: 2 }));
  h = ops.block(h, (from) => ops.conv(from, a2, valid));
  h = ops.block(h, (from) => ops.maxPool(conv(ops, from, b2), 'halves'));
  h = ops.block(h, (from) => ops.conv(conv(ops, from, b3), a4, valid));
  return ops.block(h, (from) => ops.maxPool(from, 'halves'));
}

function mixed<T>(ops: PooledOps<T>, x: T, name: string, { branches, pool }: Block): T {
  const halves = pool === 'stride';
  const ends = branches.flatMap((branch) => branchOf(ops, x, name, branch, halves));
  return ops.join([...ends, pooled(ops, x, name, pool)]);
}

function branchOf<T>(ops: PooledOps<T>, x: T, block: string, branch: Branch, halves: boolean): T[] {
  let h = x;
  for (const [i, layer] of branch.entries()) {
    if (typeof layer !== 'string') return layer.map((end) => conv(ops, h, `${block}.${end}`));
    h = conv(ops, h, `${block}.${layer}`, halves && i === branch.length - 1);
  }
  return [h];
}

function pooled<T>(ops: PooledOps<T>, x: T, block: string, pool: Block['pool']): T {
  if (pool === 'stride') return ops.maxPool(x, 'halves');
  const around = pool === 'average' ? ops.averageAround(x) : ops.maxPool(x, 'around');
  return conv(ops, around, `${block}.branch_pool`);
}

/** Of its own size, or with stride 2 and no padding. */
function conv<T>(ops: PooledOps<T>, x: T, name: string, halves = false): T {
  return ops.conv(
    x,
    name,
    halves
      ? { stride: 2, padding: 'none', activation: 'relu' }
      : { padding: 'symmetric', activation: 'relu' },
  );
}
