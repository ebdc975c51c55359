import { Gunzip } from 'fflate';
import { crc32 } from '../formats/crc32';
import { type Source, subSource } from '../formats/source';
import { latin1, quote, utf8 } from '../formats/text';
import { badFile, InnateError } from '../lib/errors';
import { joined } from './image/bytes';

export interface TarMember {
  readonly name: string;
  readonly data: Uint8Array;
}

const BLOCK = 512;
/** Longer names and attributes than this are a damaged or hostile archive. */
const MAX_EXTRA = 1 << 20;
const MAX_MEMBERS = 2_000_000;

const damaged = (where: string) => badFile('the tar archive is damaged', { where });
const cutOff = (where: string) =>
  badFile('the tar archive is cut off', { where, hint: 'Download or copy it again' });

/** Names and sizes of the files of a tar archive, header by header. */
class TarHeaders {
  /** Name and size of the file that comes next, from entries that only describe it. */
  private longName: string | null = null;
  private longSize: number | null = null;

  constructor(private readonly where: string) {}

  /** null at the archive's end. `extra`: what follows describes the next file, and is to be handed to `describe`. */
  read(h: Uint8Array): { name: string; size: number; kind: string; isFile: boolean; extra: boolean } | null {
    if (h.every((b) => b === 0)) return null;
    // The checksum counts its own field as spaces.
    let sum = 8 * 32;
    for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += h[i]!;
    if (octal(h, 148, 8) !== sum) throw damaged(this.where);
    const stated = number(h, 124, 12);
    if (stated === null) throw damaged(this.where);
    const kind = String.fromCharCode(h[156]!);
    const extra = kind === 'L' || kind === 'x';
    if (extra && stated > MAX_EXTRA) throw damaged(this.where);
    const size = extra ? stated : (this.longSize ?? stated);
    const prefix = latin1(h.subarray(257, 263)) === 'ustar\0' ? field(h, 345, 155) : '';
    const name = (!extra && this.longName) || (prefix ? `${prefix}/` : '') + field(h, 0, 100);
    const isFile = kind === '0' || kind === '\0' || kind === '7';
    if (!extra && kind !== 'g' && kind !== 'K') {
      this.longName = null;
      this.longSize = null;
    }
    // Only files have data behind their headers; what a link states is the size of another file.
    return { name, size: '123456'.includes(kind) ? 0 : size, kind, isFile, extra };
  }

  /** GNU's long name, or the attributes of POSIX ("27 path=..."). */
  describe(kind: string, data: Uint8Array): void {
    if (kind === 'L') {
      this.longName = utf8(data).replace(/\0.*$/s, '');
      return;
    }
    for (const [, key, value = ''] of utf8(data).matchAll(/\d+ ([^=\n]+)=([^\n]*)\n/g)) {
      if (key === 'path') this.longName = value;
      if (key === 'size' && /^\d{1,15}$/.test(value)) this.longSize = Number(value);
    }
  }
}

const padded = (size: number) => BLOCK * Math.ceil(size / BLOCK);

/** The files of an archive that is not compressed; their data stay where they are. */
export function tarFiles(source: Source): Source[] {
  const where = source.name;
  const headers = new TarHeaders(where);
  const files: Source[] = [];
  let at = 0;
  while (at < source.size) {
    if (at + BLOCK > source.size) throw cutOff(where);
    const header = headers.read(source.read(at, BLOCK));
    if (!header) break;
    const { name, size, kind, isFile, extra } = header;
    at += BLOCK;
    if (at + size > source.size) throw cutOff(where);
    if (extra) headers.describe(kind, source.read(at, size));
    else if (isFile) files.push(subSource(source, at, size, name));
    if (files.length > MAX_MEMBERS) throw damaged(where);
    at += padded(size);
  }
  if (at > source.size) throw cutOff(where);
  return files;
}

/**
 * Picks files out of a tar archive that arrives in pieces; everything else passes by unkept.
 * `wanted` is asked for each plain file, before anything of it is kept.
 */
export class TarPicker {
  readonly members: TarMember[] = [];
  private readonly headers: TarHeaders;
  private readonly header = new Uint8Array(BLOCK);
  private filled = 0;
  /** Bytes to come of the present file, the padding after them, and where they go. */
  private left = 0;
  private padding = 0;
  private target: { name: string; data: Uint8Array; kind: string | null } | null = null;
  private ended = false;
  private kept = 0;

  constructor(
    private readonly where: string,
    private readonly wanted: (name: string) => boolean,
    private readonly maxBytes: number,
  ) {
    this.headers = new TarHeaders(where);
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.ended; ) {
      if (this.left > 0) {
        const n = Math.min(this.left, bytes.length - at);
        this.target?.data.set(bytes.subarray(at, at + n), this.target.data.length - this.left);
        this.left -= n;
        at += n;
        if (this.left === 0) this.finish();
      } else if (this.padding > 0) {
        const n = Math.min(this.padding, bytes.length - at);
        this.padding -= n;
        at += n;
      } else {
        const n = Math.min(BLOCK - this.filled, bytes.length - at);
        this.header.set(bytes.subarray(at, at + n), this.filled);
        this.filled += n;
        at += n;
        if (this.filled === BLOCK) this.readHeader();
      }
    }
  }

  /** Throws when the archive ended within a file. */
  end(): TarMember[] {
    if (this.left > 0 || this.filled > 0) throw cutOff(this.where);
    return this.members;
  }

  private finish(): void {
    const { target } = this;
    this.target = null;
    if (!target) return;
    if (target.kind !== null) this.headers.describe(target.kind, target.data);
    else this.members.push({ name: target.name, data: target.data });
  }

  private readHeader(): void {
    const { where } = this;
    this.filled = 0;
    const header = this.headers.read(this.header);
    if (!header) {
      this.ended = true;
      return;
    }
    const { name, size, kind, isFile, extra } = header;
    this.left = size;
    this.padding = padded(size) - size;
    if (extra) this.target = { name, data: new Uint8Array(size), kind };
    else if (isFile && this.wanted(name)) {
      this.kept += size;
      if (this.kept > this.maxBytes || this.members.length >= MAX_MEMBERS)
        throw new InnateError('refused', 'the tar archive holds more than it may', {
          where: `${where}, ${quote(name)}`,
          expected: `at most ${this.maxBytes} bytes`,
          hint: 'Unpack it, and open the folder',
        });
      this.target = { name, data: new Uint8Array(size), kind: null };
    }
    if (size === 0) this.finish();
  }
}

/** UTF-8, as all tar programs of today write names. */
function field(bytes: Uint8Array, at: number, length: number): string {
  return utf8(bytes.subarray(at, at + length)).split('\0', 1)[0]!;
}

function octal(bytes: Uint8Array, at: number, length: number): number | null {
  const digits = field(bytes, at, length).trim();
  return /^[0-7]{1,12}$/.test(digits) ? Number.parseInt(digits, 8) : null;
}

/** Octal digits, or, where the upper bit is set, a binary number of GNU's. */
function number(bytes: Uint8Array, at: number, length: number): number | null {
  if (!(bytes[at]! & 0x80)) return octal(bytes, at, length);
  let value = bytes[at]! & 0x7f;
  for (let i = 1; i < length; i++) value = value * 256 + bytes[at + i]!;
  return Number.isSafeInteger(value) ? value : null;
}

/** Deflate grows at most 1032-fold: a piece makes at most 17 MB. */
const PIECE = 16 * 1024;

export interface UnpackOptions {
  readonly where: string;
  readonly maxOutput: number;
  /** Between pieces; may throw to stop. */
  readonly onPiece?: (fraction: number) => void | Promise<void>;
}

/** Hands the unpacked bytes of a gzip file to `sink`, piece by piece, and checks them against its checksum. */
export async function gunzip(
  source: Source,
  sink: (bytes: Uint8Array) => void,
  { where, maxOutput, onPiece }: UnpackOptions,
): Promise<void> {
  let made = 0;
  let crc = 0;
  let members = 0;
  const stream = new Gunzip((bytes) => {
    made += bytes.length;
    if (made > maxOutput)
      throw new InnateError('refused', 'the archive unpacks to more than it may', {
        where,
        expected: `at most ${maxOutput} bytes`,
      });
    crc = crc32(bytes, crc);
    sink(bytes);
  });
  stream.onmember = () => members++;
  const damaged = (error?: unknown) =>
    badFile('the gzip archive is damaged or cut off', { where, hint: 'Download or copy it again' }, error);
  for (let at = 0; at < source.size; at += PIECE) {
    const n = Math.min(PIECE, source.size - at);
    try {
      stream.push(source.read(at, n), at + n === source.size);
    } catch (error) {
      throw error instanceof InnateError ? error : damaged(error);
    }
    await onPiece?.((at + n) / source.size);
  }
  // The checksum is that of the last member; archives of data sets have one.
  if (members > 1) return;
  if (source.size < 18) throw damaged();
  const end = source.read(source.size - 8, 8);
  const view = new DataView(end.buffer, end.byteOffset, 8);
  if (view.getUint32(0, true) !== crc || view.getUint32(4, true) !== made % 2 ** 32) throw damaged();
}

/** The first bytes that a gzip file unpacks to, as many as its first piece gives. Never throws. */
export function peekGzip(source: Source): Uint8Array {
  let first: Uint8Array = new Uint8Array(0);
  const stream = new Gunzip((bytes) => {
    if (first.length === 0 && bytes.length > 0) first = bytes;
  });
  try {
    stream.push(source.read(0, Math.min(PIECE, source.size)), false);
  } catch {
    // Whoever reads all of it says what is wrong.
  }
  return first;
}

/** All that a gzip file unpacks to. */
export async function gunzipWhole(source: Source, options: UnpackOptions): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  await gunzip(source, (bytes) => void parts.push(bytes), options);
  return joined(parts);
}
