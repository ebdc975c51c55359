import { addDecoder, BaseDecoder } from 'geotiff';
import { badFile } from '../../lib/errors';
import { inflateUpTo } from './inflate-bounded';

/**
 * Decompression of the strips and tiles of a TIFF in place of the library's own, which unpack whatever a strip holds:
 * these stop at what the header says that a strip has. A last strip has fewer rows, so less is no error here.
 */
export function registerBlockDecoders(): void {
  addDecoder([8, 32946], async () => Deflate);
  addDecoder(5, async () => Lzw);
  addDecoder(32773, async () => PackBits);
}

/** Bytes of one unpacked strip or tile. */
function blockBytes({ parameters }: BaseDecoder): number {
  const { tileWidth, tileHeight, bitsPerSample, planarConfiguration } = parameters;
  const bits = typeof bitsPerSample === 'number' ? [bitsPerSample] : [...bitsPerSample].map(Number);
  const pixel = planarConfiguration === 2 ? bits[0]! : bits.reduce((sum, b) => sum + b, 0);
  return Math.ceil((tileWidth * pixel) / 8) * tileHeight;
}

class Deflate extends BaseDecoder {
  override decodeBlock(buffer: ArrayBufferLike): ArrayBufferLike {
    return inflateUpTo([new Uint8Array(buffer)], blockBytes(this)).slice().buffer;
  }
}

class Lzw extends BaseDecoder {
  override decodeBlock(buffer: ArrayBufferLike): ArrayBufferLike {
    return unpackLzw(new Uint8Array(buffer), blockBytes(this)).slice().buffer;
  }
}

class PackBits extends BaseDecoder {
  override decodeBlock(buffer: ArrayBufferLike): ArrayBufferLike {
    return unpackBits(new Uint8Array(buffer), blockBytes(this)).slice().buffer;
  }
}

const CLEAR = 256;
const END = 257;
const MAX_CODES = 4096;

/** LZW as TIFF 6.0, section 13, has it: codes from the upper bit, one bit longer one code early. */
export function unpackLzw(data: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let used = 0;
  // Each string is a stretch of what was written before: where it begins, and how long it is.
  const starts = new Int32Array(MAX_CODES);
  const lengths = new Int32Array(MAX_CODES);
  let next = 258;
  let bits = 9;
  let previous = -1;
  let previousStart = 0;
  let previousLength = 0;
  for (let bit = 0; bit + bits <= 8 * data.length && used < size; ) {
    const at = bit >> 3;
    const word = (data[at]! << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0);
    const code = (word >> (24 - (bit & 7) - bits)) & (2 ** bits - 1);
    bit += bits;
    if (code === END) break;
    if (code === CLEAR) {
      next = 258;
      bits = 9;
      previous = -1;
      continue;
    }
    const begin = used;
    if (code < CLEAR) out[used++] = code;
    else {
      const known = code < next;
      if (!known && (previous < 0 || code !== next)) throw badFile('LZW data are damaged', {});
      const from = known ? starts[code]! : previousStart;
      const length = Math.min(known ? lengths[code]! : previousLength + 1, size - used);
      // Byte by byte: a string may run into itself.
      for (let i = 0; i < length; i++) out[used + i] = out[from + i]!;
      used += length;
    }
    if (previous >= 0 && next < MAX_CODES) {
      // The string before and the first byte of this one, which follows it.
      starts[next] = previousStart;
      lengths[next] = previousLength + 1;
      next++;
      if (next + 1 >= 2 ** bits && bits < 12) bits++;
    }
    previous = code;
    previousStart = begin;
    previousLength = used - begin;
  }
  return out.subarray(0, used);
}

/** Runs of a byte and runs of bytes as they are; TIFF 6.0, section 9. */
function unpackBits(data: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let used = 0;
  for (let at = 0; at < data.length && used < size; ) {
    const header = data[at++]!;
    if (header === 128) continue;
    const length = Math.min(header < 128 ? header + 1 : 257 - header, size - used);
    if (header < 128) {
      const bytes = data.subarray(at, at + length);
      out.set(bytes, used);
      at += header + 1;
    } else out.fill(data[at++] ?? 0, used, used + length);
    used += length;
  }
  return out.subarray(0, used);
}
