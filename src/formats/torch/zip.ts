import { badFile, InnateError } from '../../lib/errors';
import { Budget } from '../pickle/budget';
import { ByteReader } from '../pickle/reader';
import { unpickle } from '../pickle/unpickle';
import type { Names, Py } from '../pickle/values';
import type { Source } from '../source';
import { quote } from '../text';
import { entrySource, openZip, readEntry, type ZipEntry } from '../zip';
import { nestedLoader } from './legacy';
import { storageId, type TorchStorage } from './tensors';

/** The entry that makes a zip a torch.save archive; its folder is the archive's (free) name. */
export function torchRecord(entries: readonly ZipEntry[]): ZipEntry | undefined {
  return entries.find((e) => /^[^/]+\/data\.pkl$/.test(e.name)) ?? entries.find((e) => e.name === 'data.pkl');
}

/**
 * What a compressed entry may grow to, since it is held in memory as a whole: the pickle, of which the largest official
 * one has half a megabyte, and a storage, which may be that of all the parameters together.
 */
const MAX_INFLATED = { pickle: 256 * 2 ** 20, storage: 2 ** 31 };

/** Throws an InnateError before anything is inflated that is larger than `most` bytes. */
function inflatable(entry: ZipEntry, most: number): Source {
  if (entry.method !== 0 && entry.size > most)
    throw new InnateError('refused', 'a compressed part of the torch archive is larger than it may be', {
      where: `${entry.source.name}, ${quote(entry.name)}`,
      expected: `at most ${most} bytes`,
      found: String(entry.size),
      hint: 'Save the file again in PyTorch: it does not compress',
    });
  return entrySource(entry);
}

/**
 * The object of a torch.save zip archive (NAME/data.pkl, NAME/data/KEY, NAME/byteorder). Storages stay in the
 * file; in an archive that was packed again, compressed ones are inflated when they are read. As in PyTorch,
 * checksums are not looked at: it can be told not to write any. Throws an InnateError.
 */
export function readTorchZip(
  source: Source,
  names: Names,
  entries: readonly ZipEntry[] = openZip(source),
): Py {
  const record = torchRecord(entries);
  if (!record)
    throw badFile('not a torch archive', { where: source.name, expected: 'an entry named data.pkl' });
  const folder = record.name.slice(0, -'data.pkl'.length);
  const byName = new Map(entries.map((e) => [e.name, e]));
  if (byName.has(`${folder}constants.pkl`))
    throw new InnateError('unsupported', 'a TorchScript archive: a program, not only weights', {
      where: source.name,
      hint: 'Save the state_dict of the module instead',
    });
  const order = byName.get(`${folder}byteorder`);
  const endian = order ? new TextDecoder().decode(readEntry(order, 16, false)).trim() : 'little';
  if (endian !== 'little' && endian !== 'big')
    throw badFile('the torch archive has an unknown byte order', {
      where: source.name,
      expected: 'little or big',
      found: quote(endian),
    });

  const storages = new Map<string, TorchStorage>();
  const persistentLoad = (id: Py, where: string): Py => {
    const { key, storage } = storageId(id, where);
    const before = storages.get(key);
    if (before) {
      if (before.numel === storage.numel && before.typeName === storage.typeName) return before;
      throw badFile('two descriptions of one storage differ', { where });
    }
    const entry = byName.get(`${folder}data/${key}`);
    if (!entry) throw badFile('the values of a storage are missing from the archive', { where });
    const size = storage.numel * storage.elementSize;
    if (storage.dtype && entry.size !== size)
      throw badFile('a storage has another size than its tensors', {
        where,
        expected: `${size} bytes`,
        found: String(entry.size),
      });
    if (!storage.dtype && entry.size < size)
      throw badFile('a storage is shorter than its tensors', { where });
    storage.resolve(inflatable(entry, MAX_INFLATED.storage), 0);
    storage.bigEndian = endian === 'big';
    storages.set(key, storage);
    return storage;
  };
  const reader = new ByteReader(inflatable(record, MAX_INFLATED.pickle));
  return unpickle(reader, {
    budget: new Budget(),
    names,
    persistentLoad,
    loadFromBytes: nestedLoader(names),
  });
}
