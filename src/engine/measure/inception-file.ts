import { openTensors } from '../../formats/open-checkpoint';
import type { Source } from '../../formats/source';
import type { TensorRef } from '../../formats/tensor';
import { badFile, InnateError } from '../../lib/errors';
import { foldedNorms, type NormedConvolution } from '../../nn/features/folded-norms';
import { INCEPTION_LAYERS } from '../../nn/features/inception';
import type { WeightSource } from '../../nn/weights';
import { checkpointWeights } from '../models/weights';

/** Where the file of pytorch-fid is, and torch-fidelity's of the same tensors. */
export const INCEPTION_FILES = [
  'https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth',
  'https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth',
] as const;

const HINT = `Download ${INCEPTION_FILES[0]}`;

/** TensorFlow's; PyTorch's own default is 1e-5. */
const EPS = 1e-3;

/** What a layout calls the tensors of a convolution of `INCEPTION_LAYERS`, and the last layer. */
interface Layout {
  /** A tensor that tells the layout; what stands before it is the network's place in the file. */
  mark: string;
  layer(name: string): NormedConvolution;
  last: string;
}

/** The state dict that pytorch-fid and torch-fidelity share, with torchvision's names. */
const TORCHVISION: Layout = {
  mark: 'Conv2d_1a_3x3.conv.weight',
  last: 'fc.weight',
  layer: (name) => ({
    weight: `${name}.conv.weight`,
    bias: null,
    scale: `${name}.bn.weight`,
    shift: `${name}.bn.bias`,
    mean: `${name}.bn.running_mean`,
    variance: `${name}.bn.running_var`,
  }),
};

/**
 * NVIDIA's module, named after the TensorFlow graph: inception-2015-12-05 as StyleGAN2-ADA published it for TorchScript, whose
 * names programs that convert it list. Its norms have no scale.
 */
const NVIDIA: Layout = {
  mark: 'layers.mixed_10.tower_2_conv.weight',
  last: 'output.weight',
  layer(name) {
    const path = `layers.${nvidiaName(name)}`;
    return {
      weight: `${path}.weight`,
      bias: null,
      scale: null,
      shift: `${path}.beta`,
      mean: `${path}.mean`,
      variance: `${path}.var`,
    };
  },
};

/** 'conv' for the first, 'conv_1' for the second. */
const counted = (name: string, index: number): string => (index === 0 ? name : `${name}_${index}`);

const STEM = ['Conv2d_1a_3x3', 'Conv2d_2a_3x3', 'Conv2d_2b_3x3', 'Conv2d_3b_1x1', 'Conv2d_4a_3x3'];
const MIXED = ['5b', '5c', '5d', '6a', '6b', '6c', '6d', '6e', '7a', '7b', '7c'];
/** Towers by branch; the branches of one block that are not among them have none. */
const TOWERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '5': { branch5x5: 'tower', branch3x3dbl: 'tower_1', branch_pool: 'tower_2' },
  '6a': { branch3x3dbl: 'tower' },
  '6': { branch7x7: 'tower', branch7x7dbl: 'tower_1', branch_pool: 'tower_2' },
  '7a': { branch3x3: 'tower', branch7x7x3: 'tower_1' },
};
/** The forked blocks have no towers, but names that begin with them. */
const FORKED: Readonly<Record<string, string>> = {
  branch1x1: 'conv',
  branch3x3_1: 'tower_conv',
  branch3x3_2a: 'tower_mixed_conv',
  branch3x3_2b: 'tower_mixed_conv_1',
  branch3x3dbl_1: 'tower_1_conv',
  branch3x3dbl_2: 'tower_1_conv_1',
  branch3x3dbl_3a: 'tower_1_mixed_conv',
  branch3x3dbl_3b: 'tower_1_mixed_conv_1',
  branch_pool: 'tower_2_conv',
};

function nvidiaName(name: string): string {
  if (STEM.includes(name)) return counted('conv', STEM.indexOf(name));
  const [, block = '', layer = ''] = /^Mixed_(\w+)\.(\w+)$/.exec(name) ?? [];
  const mixed = counted('mixed', MIXED.indexOf(block));
  if (block === '7b' || block === '7c') return `${mixed}.${FORKED[layer]}`;
  const [, branch = layer, number = '1'] = /^(branch\w+?)_(\d)$/.exec(layer) ?? [];
  const tower = (TOWERS[block] ?? TOWERS[block[0]!]!)[branch];
  const conv = counted('conv', Number(number) - 1);
  return tower === undefined ? `${mixed}.conv` : `${mixed}.${tower}.${conv}`;
}

/**
 * The weights of the Inception network of FID from a file of either layout, norms folded in. Throws `bad-file` where it is
 * another network, and for torchvision's own Inception, which has other weights and gives other numbers.
 */
export function openInception(source: Source): WeightSource {
  const tensors = openTensors(source);
  for (const layout of [TORCHVISION, NVIDIA]) {
    const path = [...tensors.keys()].find((key) => key === layout.mark || key.endsWith(`.${layout.mark}`));
    if (path !== undefined)
      return inLayout(layout, below(tensors, path.slice(0, path.length - layout.mark.length)), source.name);
  }
  throw badFile('not the Inception network of FID', {
    where: source.name,
    expected: `tensors such as ${TORCHVISION.mark}`,
    found: `${tensors.size} tensors`,
    hint: HINT,
  });
}

function below(tensors: ReadonlyMap<string, TensorRef>, prefix: string): Map<string, TensorRef> {
  const own = new Map<string, TensorRef>();
  for (const [key, ref] of tensors) if (key.startsWith(prefix)) own.set(key.slice(prefix.length), ref);
  return own;
}

function inLayout({ layer, last }: Layout, tensors: Map<string, TensorRef>, where: string): WeightSource {
  if ([...tensors.keys()].some((key) => key.startsWith('AuxLogits.')))
    throw badFile("torchvision's own Inception-v3, not that of FID", {
      where,
      expected: 'the weights of inception-2015-12-05',
      found: 'an auxiliary classifier, AuxLogits',
      hint: HINT,
    });
  const classifier = tensors.get(last);
  const wanted = INCEPTION_LAYERS.flatMap((name) => Object.values(layer(name)).filter((n) => n !== null));
  const missing = classifier ? wanted.find((name) => !tensors.has(name)) : last;
  if (missing !== undefined)
    throw new InnateError('bad-file', 'a tensor of the Inception network is missing', {
      where: `${where}, ${missing}`,
      hint: HINT,
    });
  const own = foldedNorms(checkpointWeights({ tensors }), EPS, (name) =>
    INCEPTION_LAYERS.includes(name) ? layer(name) : null,
  );
  const named = (name: string) => (name === 'fc.weight' ? last : name);
  return { names: own.names, shape: (name) => own.shape(named(name)), read: (name) => own.read(named(name)) };
}
