import { badFile, InnateError } from '../../lib/errors';
import { quote } from '../text';
import { STORAGES, TORCH_DTYPES, TORCH_TENSOR, TORCH_UTILS, TORCH_VALUES } from '../torch/tensors';
import { BUILTINS, CODECS, COLLECTIONS, COPYREG } from './builtins';
import { NUMPY, NUMPY_CORE } from './numpy';
import { type Behaviour, ByteRange, Global, LongText, PersistentObject, type Py, PyObject } from './values';

/**
 * Everything a checkpoint may name. The list is closed: a name outside of it ends the reading, whether or not
 * the pickle would go on to call it. What a name does here is ours (builders of plain data); Python code is
 * never imported, evaluated or looked at.
 */
const known = new Map<string, Behaviour>();

function allow(module: string, names: Record<string, Behaviour>): void {
  for (const [name, behaviour] of Object.entries(names)) known.set(`${module}\n${name}`, behaviour);
}

/** A class of which only the attributes matter. */
const inert = (path: string): Behaviour => ({ create: () => new PyObject(path) });

function reconstructPersistent(args: readonly Py[], { where }: { where: string }): Py {
  const [meta] = args;
  const className = meta instanceof Map ? meta.get('class_name') : undefined;
  const state = meta instanceof Map ? meta.get('state') : undefined;
  if (typeof className !== 'string' || !(state instanceof Map))
    throw badFile('a persistent object has no class name or attributes', { where });
  return new PersistentObject(className.slice(0, 128), state);
}

allow('torch_utils.persistence', { _reconstruct_persistent_obj: { call: reconstructPersistent } });
// A dict subclass: its items are all there is.
for (const module of ['dnnlib.util', 'dnnlib']) allow(module, { EasyDict: COLLECTIONS.OrderedDict });
allow('argparse', { Namespace: inert('argparse.Namespace') });

for (const module of ['builtins', '__builtin__']) allow(module, BUILTINS);
for (const module of ['copyreg', 'copy_reg']) allow(module, COPYREG);
allow('collections', COLLECTIONS);
allow('_codecs', CODECS);

allow('numpy', NUMPY);
for (const core of ['numpy.core', 'numpy._core'])
  for (const [path, behaviour] of Object.entries(NUMPY_CORE)) {
    const [module, name] = path.split('.') as [string, string];
    allow(`${core}.${module}`, { [name]: behaviour });
  }

allow('torch', { ...STORAGES, ...TORCH_DTYPES, ...TORCH_VALUES });
allow('torch.cuda', STORAGES);
allow('torch.storage', {
  ...STORAGES,
  _load_from_bytes: {
    call: (args, context) => {
      const [bytes] = args;
      const { loadFromBytes, budget, where } = context;
      if (!(bytes instanceof Uint8Array || bytes instanceof ByteRange))
        throw badFile('a nested torch file is not bytes', {
          where,
          hint: bytes instanceof LongText ? 'Save the checkpoint with pickle protocol 3 or newer' : undefined,
        });
      if (!loadFromBytes)
        throw new InnateError('refused', 'a torch file nested in the wrong place', { where });
      return loadFromBytes(bytes, budget);
    },
  },
});
allow('torch._utils', TORCH_UTILS);
allow('torch._tensor', TORCH_TENSOR);
allow('torch.nn.parameter', { Parameter: {}, Buffer: {} });

/** Modules of PyTorch that appear in networks of the family, by the file that defines them. */
const MODULES: Record<string, string> = {
  module: 'Module',
  container: 'Module Sequential ModuleList ModuleDict ParameterList ParameterDict',
  dropout: 'Dropout Dropout1d Dropout2d Dropout3d AlphaDropout',
  linear: 'Linear Identity Bilinear',
  conv: 'Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d',
  normalization: 'GroupNorm LayerNorm LocalResponseNorm RMSNorm',
  batchnorm: 'BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm',
  instancenorm: 'InstanceNorm1d InstanceNorm2d InstanceNorm3d',
  activation:
    'ReLU ReLU6 LeakyReLU PReLU SiLU GELU ELU SELU CELU Tanh Sigmoid Softplus Softmax Mish Hardswish Hardsigmoid MultiheadAttention',
  pooling: 'AvgPool1d AvgPool2d MaxPool1d MaxPool2d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveMaxPool2d',
  upsampling: 'Upsample UpsamplingNearest2d UpsamplingBilinear2d',
  flatten: 'Flatten Unflatten',
  padding: 'ZeroPad2d ReflectionPad2d ReplicationPad2d ConstantPad2d',
  pixelshuffle: 'PixelShuffle PixelUnshuffle',
  sparse: 'Embedding',
};
for (const [file, names] of Object.entries(MODULES)) {
  const module = `torch.nn.modules.${file}`;
  allow(module, Object.fromEntries(names.split(' ').map((name) => [name, inert(`${module}.${name}`)])));
}
allow('torch.nn.parallel.distributed', {
  DistributedDataParallel: inert('torch.nn.parallel.distributed.DistributedDataParallel'),
});
allow('torch.nn.parallel.data_parallel', {
  DataParallel: inert('torch.nn.parallel.data_parallel.DataParallel'),
});

/** The listed name, or an InnateError that says which name the file wanted and where. */
export function findGlobal(module: string, name: string, where: string): Global {
  const behaviour = known.get(`${module}\n${name}`);
  if (behaviour && !module.includes('\n') && !name.includes('\n')) return new Global(module, name, behaviour);
  throw new InnateError(
    'refused',
    `the file names ${quote(`${module}.${name}`, 120)}, which no checkpoint needs`,
    {
      where,
      hint: 'Only data is read from a checkpoint; if you trust the file, load it in Python and save its state_dict as safetensors',
    },
  );
}
