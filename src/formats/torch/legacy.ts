import { badFile, InnateError } from '../../lib/errors';
import { Budget, MAX_NESTING } from '../pickle/budget';
import { ByteReader } from '../pickle/reader';
import { unpickle } from '../pickle/unpickle';
import {
  type Behaviour,
  ByteRange,
  type CallContext,
  LongText,
  type Names,
  type Py,
  Tuple,
} from '../pickle/values';
import { bufferSource, type Source, subSource } from '../source';
import { storageId, storageKey, storageSize, TorchStorage } from './tensors';

/**
 * torch.save before zip archives (_legacy_save in torch/serialization.py): five pickles (magic number,
 * protocol, system, object, storage keys), then for each key its number of elements as int64 and its raw
 * little-endian values. Whole .pt files have it, and so does each storage inside an official .pkl.
 */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/** Whether a value that was read first from a file says that this format follows. */
export const isLegacyMagic = (value: Py): boolean => value === MAGIC;

/** torch.storage._load_from_bytes: a torch file as bytes inside of another file. */
export const LOAD_FROM_BYTES: Behaviour = {
  call: ([bytes], { loadFromBytes, budget, where }) => {
    if (!(bytes instanceof Uint8Array || bytes instanceof ByteRange))
      throw badFile('a nested torch file is not bytes', {
        where,
        hint: bytes instanceof LongText ? 'Save the checkpoint with pickle protocol 3 or newer' : undefined,
      });
    if (!loadFromBytes) throw new InnateError('refused', 'a torch file nested in the wrong place', { where });
    return loadFromBytes(bytes, budget);
  },
};

/** What reads such files for the machine, for one file: each blob is read once, however often it is recalled. */
export function nestedLoader(names: Names): NonNullable<CallContext['loadFromBytes']> {
  const done = new Map<ByteRange | Uint8Array, Py>();
  return (bytes, budget) => {
    const before = done.get(bytes);
    if (before !== undefined) return before;
    const source =
      bytes instanceof ByteRange
        ? subSource(
            bytes.source,
            bytes.offset,
            bytes.length,
            `${bytes.source.name}, part at byte ${bytes.offset}`,
          )
        : bufferSource(bytes, 'a nested storage');
    const value = readLegacy(source, names, budget);
    done.set(bytes, value);
    return value;
  };
}

/** The object of a legacy file; its storages know where their values are. Throws an InnateError. */
export function readLegacy(source: Source, names: Names, budget = new Budget()): Py {
  if (budget.nesting >= MAX_NESTING)
    throw new InnateError('refused', 'torch files nested in torch files', { where: source.name });
  budget.nesting++;
  try {
    // Small windows: what follows a nested header is megabytes of weights that are not wanted.
    return readParts(source, new ByteReader(source, 0, budget.nesting > 1 ? 1024 : 4096), names, budget);
  } finally {
    budget.nesting--;
  }
}

function readParts(source: Source, reader: ByteReader, names: Names, budget: Budget): Py {
  const where = source.name;
  const plain = { budget, names };
  if (unpickle(reader, plain) !== MAGIC)
    throw badFile('not a torch file', { where, expected: 'the magic number of torch.save' });
  const protocol = unpickle(reader, plain);
  if (protocol !== PROTOCOL)
    throw new InnateError('unsupported', 'an unknown version of the torch format', {
      where,
      expected: String(PROTOCOL),
      found: typeof protocol === 'number' ? String(protocol) : typeof protocol,
    });
  const system = unpickle(reader, plain);
  if (!(system instanceof Map)) throw badFile('the torch file does not describe its system', { where });
  // Whatever machine wrote it: this format's sizes and values are always little-endian.

  const storages = new Map<string, TorchStorage>();
  const views: { view: TorchStorage; parent: TorchStorage; offset: number }[] = [];
  const persistentLoad = (id: Py, at: string): Py => {
    // A saved module class comes with its source code, which is dropped.
    if (id instanceof Tuple && id.items[0] === 'module' && id.items.length > 1) return id.items[1]!;
    const { key, storage: found, view } = storageId(id, at);
    const storage = storages.get(key) ?? found;
    if (storage.numel !== found.numel || storage.typeName !== found.typeName)
      throw badFile('two descriptions of one storage differ', { where: at });
    storages.set(key, storage);
    if (view === null) return storage;
    const [, start, count] = view instanceof Tuple ? view.items : [];
    const offset = storageSize(start, at);
    const numel = storageSize(count, at);
    if (offset + numel > storage.numel)
      throw badFile('a storage reaches beyond the one it is part of', { where: at });
    const part = new TorchStorage(storage.typeName, storage.dtype, numel, at);
    views.push({ view: part, parent: storage, offset });
    return part;
  };
  const value = unpickle(reader, { ...plain, persistentLoad, loadFromBytes: nestedLoader(names) });

  const keys = unpickle(reader, plain);
  if (!Array.isArray(keys)) throw badFile('the torch file does not list its storages', { where });
  for (const item of keys) {
    const storage = storages.get(storageKey(item, where));
    const position = reader.where();
    if (!storage || storage.resolved)
      throw badFile('the torch file lists a storage that nothing uses', { where: position });
    const numel = reader.u64();
    if (numel !== storage.numel)
      throw badFile('a storage has another size than its tensors', {
        where: position,
        expected: String(storage.numel),
        found: String(numel),
      });
    const bytes = numel * fileElementSize(storage, where);
    storage.resolve(source, reader.position);
    reader.skip(bytes);
  }
  for (const storage of storages.values()) storage.location();
  for (const { view, parent, offset } of views) {
    const place = parent.location();
    view.resolve(place.source, place.offset + offset * parent.elementSize);
  }
  return value;
}

/** Bytes an element of storages that no tensor here is read from. */
const OTHER_SIZES: Record<string, number> = {
  UntypedStorage: 1,
  ComplexFloatStorage: 8,
  ComplexDoubleStorage: 16,
  QInt8Storage: 1,
  QUInt8Storage: 1,
  QInt32Storage: 4,
  QUInt4x2Storage: 1,
  QUInt2x4Storage: 1,
};

/** Storages are laid one after another, so even those that cannot be read need a size. */
function fileElementSize(storage: TorchStorage, where: string): number {
  if (storage.dtype) return storage.elementSize;
  const size = OTHER_SIZES[storage.typeName];
  if (size !== undefined) return size;
  throw new InnateError('unsupported', `a torch file with a ${storage.typeName}`, { where });
}
