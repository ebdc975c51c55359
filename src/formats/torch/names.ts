import { badFile, InnateError } from '../../lib/errors';
import { addNames, type NameTable, namesOf, PICKLE_NAMES } from '../pickle/names';
import {
  type Behaviour,
  ByteRange,
  dictItems,
  LongText,
  type Names,
  PersistentObject,
  PyObject,
} from '../pickle/values';
import { STORAGES, TORCH_DTYPES, TORCH_TENSOR, TORCH_UTILS, TORCH_VALUES } from './tensors';

const table: NameTable = new Map();
addNames(table, 'torch', { ...STORAGES, ...TORCH_DTYPES, ...TORCH_VALUES });
addNames(table, 'torch.cuda', STORAGES);
addNames(table, 'torch.storage', {
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
addNames(table, 'torch._utils', TORCH_UTILS);
addNames(table, 'torch._tensor', TORCH_TENSOR);

/**
 * _reconstruct_persistent_obj(meta) of torch_utils/persistence.py, which StyleGAN, EDM and their descendants
 * pickle their classes by: class name and attributes. The source code it carries is ignored.
 */
const persistent: Behaviour = {
  call: (args) => {
    const meta = dictItems(args[0]);
    const className = meta?.get('class_name');
    const state = dictItems(meta?.get('state'));
    if (typeof className !== 'string' || !state) return new PyObject('_reconstruct_persistent_obj', args);
    return new PersistentObject(className.slice(0, 128), state);
  },
};

/**
 * The names that mean data in files of PyTorch and of NVlabs/edm. The persistence module is known by the end of
 * its path, for many projects keep a copy of it in a folder of their own.
 */
export const TORCH_NAMES: Names = namesOf(table, (module, name) =>
  name === '_reconstruct_persistent_obj' && /(^|\.)persistence$/.test(module)
    ? persistent
    : PICKLE_NAMES(module, name),
);
