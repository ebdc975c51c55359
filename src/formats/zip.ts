import { badFile, InnateError } from '../lib/errors';
import { crc32 } from './crc32';
import { inflateExactly } from './inflate';
import { checkRange, type Source, subSource } from './source';
import { latin1, quote, utf8 } from './text';

/** One file of an archive, as the central directory describes it. */
export interface ZipEntry {
  readonly name: string;
  /** 0 stored, 8 deflate; others can be listed but not read. */
  readonly method: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly crc32: number;
  /** Where the data begin, in bytes from the start of `source`; the first use reads the local header. */
  readonly dataOffset: number;
  readonly source: Source;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const MAX_ENTRIES = 2_000_000;
const MAX_DIRECTORY = 512 * 2 ** 20;

class Entry implements ZipEntry {
  private offset = -1;
  /** Where the next entry, or the directory, starts: data may not reach beyond. */
  limit = 0;

  constructor(
    readonly source: Source,
    readonly name: string,
    readonly method: number,
    readonly compressedSize: number,
    readonly size: number,
    readonly crc32: number,
    readonly header: number,
  ) {}

  get dataOffset(): number {
    if (this.offset >= 0) return this.offset;
    const where = `${this.source.name}, ${quote(this.name)}`;
    const bytes = this.source.read(this.header, 30);
    const d = dataView(bytes);
    if (d.getUint32(0, true) !== LOCAL)
      throw badFile('a zip entry does not start where the directory says', { where });
    if (d.getUint16(6, true) & 1) throw encrypted(where);
    const start = this.header + 30 + d.getUint16(26, true) + d.getUint16(28, true);
    if (start + this.compressedSize > this.limit) throw badFile('zip entries overlap', { where });
    this.offset = start;
    return start;
  }
}

export interface ZipOptions {
  /** The last of entries that share a name is taken, as Python's zipfile does by name; default: they are refused. */
  readonly lastOfName?: boolean;
}

/**
 * The entries of a zip archive, zip64 included, from its central directory alone: 100,000 images list in a
 * fraction of a second. Throws an InnateError for archives that are damaged, encrypted, in several parts,
 * or whose entries overlap or share a name (the tricks by which two readers see different files). Bytes in
 * front of the archive and after it are passed over, as Python's zipfile does.
 */
export function openZip(source: Source, { lastOfName = false }: ZipOptions = {}): ZipEntry[] {
  const where = source.name;
  const { count, size, offset, shift } = findDirectory(source);
  if (count > MAX_ENTRIES || size > MAX_DIRECTORY)
    throw new InnateError('refused', 'a zip archive with an absurd number of entries', {
      where,
      found: String(count),
    });
  if (count * 46 > size) throw badFile('the zip directory is shorter than its entries', { where });
  const bytes = source.read(offset, size);
  const d = dataView(bytes);
  const entries: Entry[] = [];
  const names = new Map<string, number>();
  const replaced = new Set<number>();
  let sorted = true;
  let before = -1;
  for (let i = 0, at = 0; i < count; i++) {
    if (at + 46 > size || d.getUint32(at, true) !== CENTRAL)
      throw badFile('the zip directory is damaged', { where, found: `entry ${i} of ${count}` });
    const nameLength = d.getUint16(at + 28, true);
    const extraLength = d.getUint16(at + 30, true);
    const end = at + 46 + nameLength + extraLength + d.getUint16(at + 32, true);
    if (end > size) throw badFile('the zip directory is damaged', { where, found: `entry ${i} of ${count}` });
    const flags = d.getUint16(at + 8, true);
    const nameBytes = bytes.subarray(at + 46, at + 46 + nameLength);
    const name = flags & 0x800 ? utf8(nameBytes) : latin1(nameBytes);
    const at64 = at + 46 + nameLength;
    const wide = zip64Fields(d, at, at64, at64 + extraLength, where);
    if (flags & 0x41) throw encrypted(`${where}, ${quote(name)}`);
    if (wide.disk !== 0) throw inParts(where);
    const earlier = names.get(name);
    if (earlier !== undefined && !lastOfName)
      throw badFile('two zip entries have one name', { where, found: quote(name) });
    if (earlier !== undefined) replaced.add(earlier);
    names.set(name, i);
    const entry = new Entry(
      source,
      name,
      d.getUint16(at + 10, true),
      wide.compressedSize,
      wide.size,
      d.getUint32(at + 16, true),
      wide.header + shift,
    );
    if (entry.method === 0 && entry.size !== entry.compressedSize)
      throw badFile('a stored zip entry has two sizes', { where, found: quote(name) });
    if (entry.header + 30 + nameLength + entry.compressedSize > offset)
      throw badFile('a zip entry lies outside of its archive', { where, found: quote(name) });
    if (entry.header <= before) sorted = false;
    before = entry.header;
    entries.push(entry);
    at = end;
  }
  checkOverlaps(entries, sorted, offset, where);
  return replaced.size === 0 ? entries : entries.filter((_, i) => !replaced.has(i));
}

function checkOverlaps(entries: readonly Entry[], sorted: boolean, directory: number, where: string): void {
  const byOffset = sorted ? entries : [...entries].sort((a, b) => a.header - b.header);
  for (let i = 0; i < byOffset.length; i++) {
    const entry = byOffset[i]!;
    entry.limit = byOffset[i + 1]?.header ?? directory;
    if (entry.header + 30 + entry.compressedSize > entry.limit)
      throw badFile('zip entries overlap', { where, found: quote(entry.name) });
  }
}

/** Sizes, offset and disk of a directory record at `at`; the 0xffffffff ones come from its zip64 field. */
function zip64Fields(d: DataView, at: number, extra: number, end: number, where: string) {
  let compressedSize = d.getUint32(at + 20, true);
  let size = d.getUint32(at + 24, true);
  let disk = d.getUint16(at + 34, true);
  let header = d.getUint32(at + 42, true);
  if (compressedSize !== 0xffffffff && size !== 0xffffffff && header !== 0xffffffff && disk !== 0xffff)
    return { compressedSize, size, header, disk };
  for (let p = extra; p + 4 <= end; ) {
    const length = d.getUint16(p + 2, true);
    if (d.getUint16(p, true) === 1 && p + 4 + length <= end) {
      let q = p + 4;
      const stop = q + length;
      const next = (): number => {
        if (q + 8 > stop) throw badFile('a zip64 entry is damaged', { where });
        q += 8;
        return u64(d, q - 8);
      };
      if (size === 0xffffffff) size = next();
      if (compressedSize === 0xffffffff) compressedSize = next();
      if (header === 0xffffffff) header = next();
      if (disk === 0xffff && q + 4 <= stop) disk = d.getUint32(q, true);
      return { compressedSize, size, header, disk };
    }
    p += 4 + length;
  }
  throw badFile('a zip64 entry lacks its sizes', { where });
}

interface Directory {
  readonly count: number;
  /** Length in bytes. */
  readonly size: number;
  /** Where its first byte lies in the file. */
  readonly offset: number;
  /** Bytes in front of the archive: what offsets in it fall short of. */
  readonly shift: number;
}

function findDirectory(source: Source): Directory {
  const where = source.name;
  const tailLength = Math.min(source.size, 22 + 65535);
  const tailStart = source.size - tailLength;
  const tail = source.read(tailStart, tailLength);
  const d = dataView(tail);
  // The record whose comment ends with the file is the one; else the last, with other bytes after it.
  let at = -1;
  for (let i = tailLength - 22; i >= 0; i--) {
    if (d.getUint32(i, true) !== END) continue;
    if (at < 0) at = i;
    if (i + 22 + d.getUint16(i + 20, true) !== tailLength) continue;
    at = i;
    break;
  }
  if (at < 0)
    throw badFile('the zip archive has no end', {
      where,
      hint: 'The file is cut off: download or copy it again',
    });
  const end = {
    disk: d.getUint16(at + 4, true),
    directoryDisk: d.getUint16(at + 6, true),
    here: d.getUint16(at + 8, true),
    count: d.getUint16(at + 10, true),
    size: d.getUint32(at + 12, true),
    offset: d.getUint32(at + 16, true),
  };
  let directoryEnd = tailStart + at;
  // A zip64 end may stand there whether the numbers need it or not: torch always writes one.
  const locator = directoryEnd - 20;
  if (signature(source, locator, 20) === LOCATOR64) {
    const l = dataView(source.read(locator, 20));
    // Where the locator says, or, with bytes in front of the archive, right before the locator.
    const at64 = [u64(l, 8), locator - 56].find((p) => signature(source, p, 56) === END64);
    if (at64 === undefined) throw badFile('the zip64 end is damaged', { where });
    const e = dataView(source.read(at64, 56));
    end.disk = Math.max(e.getUint32(16, true), l.getUint32(4, true));
    end.directoryDisk = e.getUint32(20, true);
    end.here = widened(end.here, 0xffff, u64(e, 24), where);
    end.count = widened(end.count, 0xffff, u64(e, 32), where);
    end.size = widened(end.size, 0xffffffff, u64(e, 40), where);
    end.offset = widened(end.offset, 0xffffffff, u64(e, 48), where);
    directoryEnd = at64;
  }
  if (end.disk !== 0 || end.directoryDisk !== 0 || end.here !== end.count) throw inParts(where);
  if (end.offset + end.size > directoryEnd)
    throw badFile('the zip directory lies outside of the file', {
      where,
      hint: 'The file is cut off: download or copy it again',
    });
  const { count, size } = end;
  // The directory ends where its end record begins: what lies between there and its stated place is in front.
  const before = directoryEnd - size;
  const shift = count > 0 && signature(source, before, 46) === CENTRAL ? before - end.offset : 0;
  return { count, size, offset: end.offset + shift, shift };
}

/** The zip64 value of a field whose own is `none` where it does not fit; two ends that differ are refused. */
function widened(narrow: number, none: number, wide: number, where: string): number {
  if (narrow !== none && narrow !== wide)
    throw badFile('the zip archive has two ends that differ', { where });
  return wide;
}

/** The first four bytes of a record of `length` bytes at `at`; -1 where the source has no room for one. */
function signature(source: Source, at: number, length: number): number {
  if (!Number.isSafeInteger(at) || at < 0 || at + length > source.size) return -1;
  return dataView(source.read(at, 4)).getUint32(0, true);
}

/** Whether the file ends as a zip archive does, whatever it begins with. Never throws. */
export function endsAsZip(source: Source): boolean {
  if (source.size < 22) return false;
  try {
    return findDirectory(source).count > 0;
  } catch (error) {
    if (error instanceof InnateError) return false;
    throw error;
  }
}

/** The data of a stored entry as a source of its own; nothing is copied. Compressed entries are unsupported. */
export function storedSource(entry: ZipEntry): Source {
  const where = `${entry.source.name}, ${quote(entry.name)}`;
  if (entry.method !== 0)
    throw new InnateError('unsupported', 'a compressed zip entry where plain ones are needed', { where });
  return subSource(entry.source, entry.dataOffset, entry.size, where);
}

/**
 * The data of an entry as a source of its own. Of a stored entry nothing is copied; a compressed one is inflated
 * at the first read and again after it was let go, so that memory holds one entry of an archive at a time.
 */
export function entrySource(entry: ZipEntry): Source {
  const where = `${entry.source.name}, ${quote(entry.name)}`;
  if (entry.method === 0) return storedSource(entry);
  checkMethod(entry, where);
  const source: Source = {
    name: where,
    size: entry.size,
    read(offset, length) {
      checkRange(source, offset, length);
      return inflated(entry, where).subarray(offset, offset + length);
    },
  };
  return source;
}

/** The entry inflated last, for each archive that is open. */
const newest = new WeakMap<Source, { entry: ZipEntry; bytes: Uint8Array }>();

function inflated(entry: ZipEntry, where: string): Uint8Array {
  const kept = newest.get(entry.source);
  if (kept?.entry === entry) return kept.bytes;
  newest.delete(entry.source);
  const bytes = inflateExactly(entry.source, entry.dataOffset, entry.compressedSize, entry.size, where);
  newest.set(entry.source, { entry, bytes });
  return bytes;
}

function checkMethod({ method }: ZipEntry, where: string): void {
  if (method === 0 || method === 8) return;
  throw new InnateError('unsupported', 'a zip entry is compressed in an unknown way', {
    where,
    expected: 'stored or deflate',
    found: `method ${method}`,
  });
}

/**
 * The bytes of an entry, its checksum verified unless `verify` is false. Never more than `maxBytes`, and never
 * more than the entry says: a bomb ends in an InnateError before it grows.
 */
export function readEntry(entry: ZipEntry, maxBytes: number, verify = true): Uint8Array {
  const where = `${entry.source.name}, ${quote(entry.name)}`;
  if (entry.size > maxBytes)
    throw new InnateError('refused', 'a zip entry is larger than it may be', {
      where,
      expected: `at most ${maxBytes} bytes`,
      found: String(entry.size),
    });
  checkMethod(entry, where);
  const bytes =
    entry.method === 0
      ? entry.source.read(entry.dataOffset, entry.size)
      : inflateExactly(entry.source, entry.dataOffset, entry.compressedSize, entry.size, where);
  if (verify && crc32(bytes) !== entry.crc32)
    throw badFile('a zip entry does not match its checksum', {
      where,
      hint: 'Download or copy the file again',
    });
  return bytes;
}

const dataView = (b: Uint8Array) => new DataView(b.buffer, b.byteOffset, b.byteLength);
/** Beyond 2^53 the sum is no longer exact, but then no range check lets it pass. */
const u64 = (d: DataView, at: number) => d.getUint32(at, true) + d.getUint32(at + 4, true) * 2 ** 32;
const encrypted = (where: string) =>
  new InnateError('unsupported', 'the zip archive is encrypted', {
    where,
    hint: 'Save it without a password',
  });
const inParts = (where: string) =>
  new InnateError('unsupported', 'the zip archive comes in several parts', { where });
