import { Gunzip } from 'fflate';
import { crc32 } from '../formats/crc32';
import type { Source } from '../formats/source';
import { latin1, quote } from '../formats/text';
import { badFile, InnateError } from '../lib/errors';

export interface TarMember {
  readonly name: string;
  readonly data: Uint8Array;
}

const BLOCK = 512;

/**
 * Picks files out of a tar archive that arrives in pieces; everything else passes by unkept.
 * `wanted` is asked for each plain file, before anything of it is kept.
 */
export class TarPicker {
  readonly members: TarMember[] = [];
  private readonly header = new Uint8Array(BLOCK);
  private filled = 0;
  /** Of the present file: bytes to come, padding after them, and where they go. */
  private left = 0;
  private padding = 0;
  private target: { name: string; data: Uint8Array } | null = null;
  private ended = false;
  private kept = 0;

  constructor(
    private readonly where: string,
    private readonly wanted: (name: string) => boolean,
    private readonly maxBytes: number,
  ) {}

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
    if (this.left > 0 || this.filled > 0)
      throw badFile('the tar archive is cut off', { where: this.where, hint: 'Download or copy it again' });
    return this.members;
  }

  private finish(): void {
    if (this.target) this.members.push(this.target);
    this.target = null;
  }

  private readHeader(): void {
    const { header: h, where } = this;
    this.filled = 0;
    if (h.every((b) => b === 0)) {
      this.ended = true;
      return;
    }
    const damaged = () => badFile('the tar archive is damaged', { where });
    // The checksum counts its own field as spaces.
    let sum = 8 * 32;
    for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += h[i]!;
    if (octal(h, 148, 8) !== sum) throw damaged();
    const size = octal(h, 124, 12);
    if (size === null) throw damaged();
    const kind = String.fromCharCode(h[156]!);
    const prefix = latin1(h.subarray(257, 262)) === 'ustar' ? text(h, 345, 155) : '';
    const name = (prefix ? `${prefix}/` : '') + text(h, 0, 100);
    this.left = size;
    this.padding = (BLOCK - (size % BLOCK)) % BLOCK;
    if ((kind === '0' || kind === '\0') && this.wanted(name)) {
      this.kept += size;
      if (this.kept > this.maxBytes)
        throw new InnateError('refused', 'the tar archive holds more than it may', {
          where: `${where}, ${quote(name)}`,
          expected: `at most ${this.maxBytes} bytes`,
        });
      this.target = { name, data: new Uint8Array(size) };
    }
    if (size === 0) this.finish();
  }
}

function text(bytes: Uint8Array, at: number, length: number): string {
  return latin1(bytes.subarray(at, at + length)).split('\0', 1)[0]!;
}

function octal(bytes: Uint8Array, at: number, length: number): number | null {
  const digits = text(bytes, at, length).trim();
  return /^[0-7]{1,12}$/.test(digits) ? Number.parseInt(digits, 8) : null;
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
