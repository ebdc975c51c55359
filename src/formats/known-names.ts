import { BUILTINS, CODECS, COLLECTIONS, COPYREG } from './pickle/builtins';
import { NUMPY, NUMPY_MULTIARRAY, NUMPY_NUMERIC } from './pickle/numpy';
import type { Behaviour, Names } from './pickle/values';
import { LOAD_FROM_BYTES } from './torch/legacy';
import { isReconstruct, RECONSTRUCT } from './torch/persistence';
import { STORAGES, TORCH_DTYPES, TORCH_TENSOR, TORCH_UTILS, TORCH_VALUES } from './torch/tensors';

/** Modules under every path that Python 2 and 3, and numpy before and after 2.0, write for them. */
const MODULES: Readonly<Record<string, Readonly<Record<string, Behaviour>>>> = {
  builtins: BUILTINS,
  __builtin__: BUILTINS,
  copyreg: COPYREG,
  copy_reg: COPYREG,
  collections: COLLECTIONS,
  _codecs: CODECS,
  numpy: NUMPY,
  'numpy.core.multiarray': NUMPY_MULTIARRAY,
  'numpy._core.multiarray': NUMPY_MULTIARRAY,
  'numpy.core.numeric': NUMPY_NUMERIC,
  'numpy._core.numeric': NUMPY_NUMERIC,
  torch: { ...STORAGES, ...TORCH_DTYPES, ...TORCH_VALUES },
  'torch.cuda': STORAGES,
  'torch.storage': { ...STORAGES, _load_from_bytes: LOAD_FROM_BYTES },
  'torch._utils': TORCH_UTILS,
  'torch._tensor': TORCH_TENSOR,
};

/** Maps, so that a name of Object.prototype's is as unknown as any other. */
const TABLE = new Map(
  Object.entries(MODULES).map(([module, names]) => [module, new Map(Object.entries(names))]),
);

/**
 * All names in a pickle that mean data here: containers, numbers and arrays of Python, numpy, PyTorch and NVlabs/edm.
 * What a name does is ours; Python code is never imported, evaluated or looked at. The result is null for a name
 * outside of the table, which becomes a placeholder.
 */
export const KNOWN_NAMES: Names = (module, name) =>
  TABLE.get(module)?.get(name) ?? (isReconstruct(module, name) ? RECONSTRUCT : null);
