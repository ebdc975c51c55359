import { badFile } from '../../lib/errors';
import {
  type Behaviour,
  type CallContext,
  dictItems,
  Global,
  NumpyArray,
  Opaque,
  type Py,
  PyObject,
  Tuple,
} from '../pickle/values';
import type { Source } from '../source';
import {
  beyondNetworks,
  DTYPE_BYTES,
  type DType,
  elementCount,
  isRowMajor,
  MAX_RANK,
  strideSpan,
  type TensorRef,
} from '../tensor';
import { quote } from '../text';

/**
 * A torch storage: where its bytes are becomes known when its file has been read to the end (legacy format)
 * or at once (zip). `dtype` is null for element types that no tensor here can have (complex, float8, quantised).
 */
export class TorchStorage extends Opaque {
  readonly kind = 'storage';
  private place: { source: Source; offset: number } | null = null;
  /** Elements are written most significant byte first: the archive says so. */
  bigEndian = false;

  constructor(
    readonly typeName: string,
    readonly dtype: DType | null,
    /** Elements, of one byte when untyped. */
    readonly numel: number,
    readonly where: string,
  ) {
    super();
  }

  get elementSize(): number {
    return this.dtype ? DTYPE_BYTES[this.dtype] : 1;
  }

  get resolved(): boolean {
    return this.place !== null;
  }

  resolve(source: Source, offset: number): void {
    this.place = { source, offset };
  }

  location(): { source: Source; offset: number } {
    if (!this.place)
      throw badFile('the values of a tensor are not in the file', {
        where: this.where,
        hint: 'Download or copy the file again',
      });
    return this.place;
  }
}

/** A tensor over a storage; its place in the file follows the storage's. */
export class TorchTensor extends Opaque implements TensorRef {
  readonly kind = 'tensor';
  readonly strides?: readonly number[];

  constructor(
    readonly storage: TorchStorage,
    readonly dtype: DType,
    readonly shape: readonly number[],
    private readonly storageOffset: number,
    strides: readonly number[],
    /** The negative bit: the elements are those of the storage with their signs changed. */
    readonly negative = false,
  ) {
    super();
    if (!isRowMajor(shape, strides)) this.strides = strides;
  }

  get bigEndian(): boolean {
    return this.storage.bigEndian;
  }

  get source(): Source {
    return this.storage.location().source;
  }

  get byteOffset(): number {
    return this.storage.location().offset + this.storageOffset * DTYPE_BYTES[this.dtype];
  }
}

/** A tensor of an element type that is not read. It may stand in a part of the file that nobody asks for. */
export class UnreadableTensor extends Opaque {
  readonly kind = 'unreadable tensor';

  constructor(readonly typeName: string) {
    super();
  }
}

/** Expanded tensors (stride 0) may have more elements than their storage, but only small ones. */
const MAX_EXPANDED = 2 ** 16;

function build(
  storage: TorchStorage,
  args: readonly Py[],
  dtype: DType | null,
  typeName: string,
  metadata: Py | undefined,
  where: string,
): Py {
  const [, offset, size, stride] = args;
  if (!(size instanceof Tuple) || !(stride instanceof Tuple) || typeof offset !== 'number' || offset < 0)
    throw badFile('a tensor has no shape, strides or offset', { where });
  const shape = [...size.items] as number[];
  const strides = [...stride.items] as number[];
  // It may stand in a part of the file that nobody asks for: an optimiser's, a buffer of data.
  if (shape.every((d) => Number.isSafeInteger(d) && d >= 0) && beyondNetworks(shape))
    return new UnreadableTensor(`tensor of shape [${shape.slice(0, MAX_RANK + 1).join(', ')}]`);
  const count = elementCount(shape, where);
  const span = strideSpan(shape, strides, where);
  if (!dtype) return new UnreadableTensor(typeName);
  const capacity = (storage.numel * storage.elementSize) / DTYPE_BYTES[dtype];
  if (!Number.isSafeInteger(offset) || offset + span > capacity)
    throw badFile('a tensor reaches beyond its storage', {
      where,
      expected: `${offset + span} elements`,
      found: String(capacity),
    });
  if (count > capacity && count > MAX_EXPANDED)
    return new UnreadableTensor('expanded tensor, which repeats its storage many times');
  return new TorchTensor(storage, dtype, shape, offset, strides, dictItems(metadata)?.get('neg') === true);
}

function storageOf(args: readonly Py[], where: string): TorchStorage {
  if (args[0] instanceof TorchStorage) return args[0];
  throw badFile('a tensor has no storage', { where });
}

/**
 * torch._utils._rebuild_tensor(storage, offset, size, stride) and _rebuild_tensor_v2(..., requires_grad, hooks,
 * metadata), whose metadata hold the negative and the conjugate bit.
 */
function rebuildTensor(args: readonly Py[], { where }: CallContext): Py {
  const storage = storageOf(args, where);
  return build(storage, args, storage.dtype, storage.typeName, args[6], where);
}

/** torch._utils._rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype, metadata): untyped storage. */
function rebuildTensorV3(args: readonly Py[], { where }: CallContext): Py {
  const type = args[6];
  if (!(type instanceof Global) || type.behaviour.dtype === undefined)
    throw badFile('a tensor has no dtype', { where });
  return build(storageOf(args, where), args, type.behaviour.dtype, type.name, args[7], where);
}

/**
 * How tensors of other devices (XLA, ORT, MPS and privately used ones) come back:
 * torch._utils._rebuild_device_tensor_from_cpu_tensor and _from_numpy(data, dtype, device, requires_grad). The
 * data were widened on the way out where numpy has no such type, so the dtype changes no value.
 */
function rebuildOnDevice(args: readonly Py[], { where }: CallContext): Py {
  const [data] = args;
  if (data instanceof TorchTensor || data instanceof UnreadableTensor || data instanceof NumpyArray)
    return data;
  if (data instanceof PyObject) return new UnreadableTensor(data.path);
  throw badFile('a tensor of another device holds no values', { where });
}

/** A kind of tensor that is no plain array of numbers: sparse, quantised, nested, without values, of a subclass. */
const unreadable = (kind: string): Behaviour => ({ call: () => new UnreadableTensor(kind) });

/** torch._utils._rebuild_parameter(data, requires_grad, hooks[, state]): the data. */
function rebuildParameter(args: readonly Py[], { where }: CallContext): Py {
  const [data] = args;
  if (data instanceof TorchTensor || data instanceof UnreadableTensor) return data;
  if (data instanceof PyObject) return new UnreadableTensor(data.path);
  throw badFile('a parameter holds no tensor', { where });
}

/**
 * torch._tensor._rebuild_from_type(_v2)(function, class, args, state): with the functions above it is their
 * tensor; with any other, a tensor of a class that is not known.
 */
function rebuildFromType(args: readonly Py[], context: CallContext): Py {
  const [callee, cls, inner] = args;
  if (!(callee instanceof Global) || callee.module !== 'torch._utils' || !callee.behaviour.call)
    return new UnreadableTensor(cls instanceof Global ? cls.path : 'an unknown class');
  if (!(inner instanceof Tuple)) throw badFile('a tensor has no arguments', { where: context.where });
  return callee.behaviour.call(inner.items, context);
}

export const TORCH_UTILS: Record<string, Behaviour> = {
  _rebuild_tensor: { call: rebuildTensor },
  _rebuild_tensor_v2: { call: rebuildTensor },
  _rebuild_tensor_v3: { call: rebuildTensorV3 },
  _rebuild_parameter: { call: rebuildParameter },
  _rebuild_parameter_with_state: { call: rebuildParameter },
  _rebuild_device_tensor_from_cpu_tensor: { call: rebuildOnDevice },
  _rebuild_device_tensor_from_numpy: { call: rebuildOnDevice },
  _rebuild_xla_tensor: { call: rebuildOnDevice },
  _rebuild_ort_tensor: { call: rebuildOnDevice },
  _rebuild_mlc_tensor: { call: rebuildOnDevice },
  _rebuild_sparse_tensor: unreadable('sparse tensor'),
  _rebuild_sparse_csr_tensor: unreadable('sparse tensor'),
  _rebuild_nested_tensor: unreadable('nested tensor'),
  _rebuild_qtensor: unreadable('quantised tensor'),
  _rebuild_meta_tensor_no_storage: unreadable('meta tensor, which has no values'),
  _rebuild_wrapper_subclass: {
    call: ([cls]) => new UnreadableTensor(cls instanceof Global ? cls.path : 'subclass'),
  },
};

export const TORCH_TENSOR: Record<string, Behaviour> = {
  _rebuild_from_type: { call: rebuildFromType },
  _rebuild_from_type_v2: { call: rebuildFromType },
};

const dtypes = (names: Record<string, DType | null>): Record<string, Behaviour> =>
  Object.fromEntries(Object.entries(names).map(([name, dtype]) => [name, { dtype }]));

/** torch.FloatStorage etc., also under torch.cuda and torch.storage. */
export const STORAGES = dtypes({
  DoubleStorage: 'f64',
  FloatStorage: 'f32',
  HalfStorage: 'f16',
  BFloat16Storage: 'bf16',
  LongStorage: 'i64',
  IntStorage: 'i32',
  ShortStorage: 'i16',
  CharStorage: 'i8',
  ByteStorage: 'u8',
  BoolStorage: 'bool',
  ComplexDoubleStorage: null,
  ComplexFloatStorage: null,
  UntypedStorage: null,
  TypedStorage: null,
  QInt8Storage: null,
  QUInt8Storage: null,
  QInt32Storage: null,
  QUInt4x2Storage: null,
  QUInt2x4Storage: null,
});

export const TORCH_DTYPES = dtypes({
  float64: 'f64',
  double: 'f64',
  float32: 'f32',
  float: 'f32',
  float16: 'f16',
  half: 'f16',
  bfloat16: 'bf16',
  int64: 'i64',
  long: 'i64',
  int32: 'i32',
  int: 'i32',
  int16: 'i16',
  int8: 'i8',
  uint8: 'u8',
  bool: 'bool',
  uint16: null,
  uint32: null,
  uint64: null,
  complex64: null,
  complex128: null,
  float8_e4m3fn: null,
  float8_e4m3fnuz: null,
  float8_e5m2: null,
  float8_e5m2fnuz: null,
  float8_e8m0fnu: null,
  float4_e2m1fn_x2: null,
});

/** torch.Size is a tuple; a device is only its name. */
export const TORCH_VALUES: Record<string, Behaviour> = {
  Size: {
    call: (args, { where }) => {
      const [items] = args;
      if (items instanceof Tuple || Array.isArray(items)) {
        if (args.length !== 1) throw badFile('a torch.Size of several arguments', { where });
        return items instanceof Tuple ? items : new Tuple(items);
      }
      throw badFile('a torch.Size without dimensions', { where });
    },
  },
  device: { call: (args) => args.map((a) => (typeof a === 'string' ? a.slice(0, 32) : Number(a))).join(':') },
  Tensor: {},
  strided: {},
};

/**
 * Persistent ids ('storage', class, key, location, elements[, view]) of torch.save, both formats; `view` is
 * the legacy format's (key, offset, elements) of a storage inside another.
 */
export function storageId(id: Py, where: string): { key: string; storage: TorchStorage; view: Py } {
  const [tag, cls, key, , numel, view] = id instanceof Tuple ? id.items : [];
  if (
    tag !== 'storage' ||
    !(cls instanceof Global) ||
    cls.behaviour.dtype === undefined ||
    !/Storage$/.test(cls.name)
  )
    throw badFile('a persistent id that is not a torch storage', {
      where,
      found: quote(typeof tag === 'string' ? tag : typeof id),
    });
  return {
    key: storageKey(key, where),
    storage: new TorchStorage(cls.name, cls.behaviour.dtype, storageSize(numel, where), where),
    view: view ?? null,
  };
}

/** Keys are text or, in old files, addresses. */
export function storageKey(key: Py | undefined, where: string): string {
  const name = typeof key === 'number' || typeof key === 'bigint' ? String(key) : key;
  if (typeof name !== 'string' || name.length > 128) throw badFile('a storage has no key', { where });
  return name;
}

/** How many elements a storage has. Throws `bad-file` on what is no such number. */
export function storageSize(numel: Py | undefined, where: string): number {
  if (typeof numel !== 'number' || !Number.isSafeInteger(numel) || numel < 0 || numel > 2 ** 40)
    throw badFile('a storage has no proper size', { where });
  return numel;
}
