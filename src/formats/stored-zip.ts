import { InnateError } from '../lib/errors';
import { crc32 } from './crc32';
import type { Source } from './source';
import { utf8 } from './text';

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const END = 0x06054b50;
/** The first day that a zip can hold: equal files give equal archives. */
const DAY = 0x0021;
const LOCAL_BYTES = 30;
const MAX16 = 0xffff;
const MAX32 = 0xffffffff;

interface Written {
  name: Uint8Array;
  size: number;
  crc: number;
  /** Of its local header. */
  offset: number;
}

/**
 * An archive of stored files that is written from its start to its end: every entry is whole as soon as its bytes are
 * written, so an archive that broke off is gone on with where its last whole entry ends. zip64 where it must be.
 */
export class StoredZip {
  private readonly entries: Written[] = [];
  private at = 0;

  /** How many files it holds. */
  get count(): number {
    return this.entries.length;
  }

  /** Bytes of its entries so far: where the next one begins. */
  get length(): number {
    return this.at;
  }

  /** The bytes of the next entry, in parts to be written at `length`. */
  add(path: string, data: Uint8Array): Uint8Array[] {
    return [...this.header(path, data.length, crc32(data)), data];
  }

  /** The header of the next entry, to be written at `length`; the caller writes its `size` bytes, of that CRC-32, behind it. */
  header(path: string, size: number, crc: number): Uint8Array[] {
    const name = new TextEncoder().encode(path);
    if (name.length === 0 || name.length > MAX16)
      throw new InnateError('bad-argument', 'a file does not fit into a zip', { where: path });
    const entry: Written = { name, size, crc, offset: this.at };
    this.entries.push(entry);
    const wide = zip64(size >= MAX32 ? [size, size] : []);
    this.at += LOCAL_BYTES + name.length + wide.length + size;
    return [common(new Fields(LOCAL_BYTES).u32(LOCAL), entry, wide.length).bytes, name, wide];
  }

  /** The directory, which ends the archive. */
  end(): Uint8Array[] {
    const parts = this.entries.flatMap((entry) => directoryEntry(entry));
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    const count = this.entries.length;
    if (count >= MAX16 || this.at >= MAX32 || size >= MAX32) {
      const end64 = new Fields(56).u32(END64).u64(44).u16(45).u16(45).u32(0).u32(0);
      parts.push(end64.u64(count).u64(count).u64(size).u64(this.at).bytes);
      parts.push(
        new Fields(20)
          .u32(LOCATOR64)
          .u32(0)
          .u64(this.at + size)
          .u32(1).bytes,
      );
    }
    const short = Math.min(count, MAX16);
    const end = new Fields(22).u32(END).u16(0).u16(0).u16(short).u16(short);
    parts.push(end.u32(Math.min(size, MAX32)).u32(Math.min(this.at, MAX32)).u16(0).bytes);
    return parts;
  }

  /**
   * An archive of `add` that broke off, as far as its entries are whole: what stands behind `length` is a torn one or a directory,
   * and is to be overwritten. The last entries are compared with their checksums.
   */
  static resume(source: Source): StoredZip {
    const zip = new StoredZip();
    while (zip.at + LOCAL_BYTES <= source.size) {
      const head = source.read(zip.at, LOCAL_BYTES);
      const d = new DataView(head.buffer, head.byteOffset, LOCAL_BYTES);
      if (d.getUint32(0, true) !== LOCAL) break;
      const size = d.getUint32(18, true);
      const nameLength = d.getUint16(26, true);
      const end = zip.at + LOCAL_BYTES + nameLength + size;
      if (end > source.size) break;
      const name = source.read(zip.at + LOCAL_BYTES, nameLength).slice();
      zip.entries.push({ name, size, crc: d.getUint32(14, true), offset: zip.at });
      zip.at = end;
    }
    // A machine that lost power may have left the size of a file without its bytes.
    for (let last = zip.entries.at(-1); last; last = zip.entries.at(-1)) {
      if (crc32(source.read(last.offset + LOCAL_BYTES + last.name.length, last.size)) === last.crc) break;
      zip.at = last.offset;
      zip.entries.pop();
    }
    return zip;
  }

  /** The path of its last file. */
  get last(): string | null {
    const entry = this.entries.at(-1);
    return entry ? utf8(entry.name) : null;
  }

  /** Takes its last file out: the next one begins where it did. */
  removeLast(): void {
    const entry = this.entries.pop();
    if (entry) this.at = entry.offset;
  }
}

/** The extra field with the numbers that 32 bits do not hold; empty without any. */
const zip64 = (numbers: readonly number[]): Uint8Array =>
  numbers.length === 0
    ? new Uint8Array()
    : numbers.reduce(
        (fields, n) => fields.u64(n),
        new Fields(4 + 8 * numbers.length).u16(1).u16(8 * numbers.length),
      ).bytes;

/** What a local header and the directory say alike of an entry, from the version on. */
const common = (fields: Fields, { name, size, crc }: Written, extra: number): Fields =>
  fields
    .u16(extra > 0 ? 45 : 20)
    .u16(name.some((c) => c > 127) ? 0x800 : 0)
    .u16(0)
    .u16(0)
    .u16(DAY)
    .u32(crc)
    .u32(Math.min(size, MAX32))
    .u32(Math.min(size, MAX32))
    .u16(name.length)
    .u16(extra);

function directoryEntry(entry: Written): Uint8Array[] {
  const { name, size, offset } = entry;
  const wide = zip64([...(size >= MAX32 ? [size, size] : []), ...(offset >= MAX32 ? [offset] : [])]);
  const head = common(new Fields(46).u32(CENTRAL).u16(wide.length > 0 ? 45 : 20), entry, wide.length);
  head.u16(0).u16(0).u16(0).u32(0).u32(Math.min(offset, MAX32));
  return [head.bytes, name, wide];
}

/** Little-endian numbers one behind the other. */
class Fields {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  private at = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.view = new DataView(this.bytes.buffer);
  }

  u16(value: number): this {
    this.view.setUint16(this.at, value, true);
    this.at += 2;
    return this;
  }

  u32(value: number): this {
    this.view.setUint32(this.at, value, true);
    this.at += 4;
    return this;
  }

  u64(value: number): this {
    this.view.setBigUint64(this.at, BigInt(value), true);
    this.at += 8;
    return this;
  }
}
