import { encode } from 'fast-png';
import { badFile, InnateError } from '../lib/errors';
import { crc32 } from './crc32';
import { latin1, latin1Bytes } from './text';

export interface PngImage {
  readonly width: number;
  readonly height: number;
  /** 1 grey or 3 RGB. */
  readonly channels: number;
  /** Rows of pixels, channels last, 8 bits. */
  readonly data: Uint8Array | Uint8ClampedArray;
  /** Keyword (1 to 79 latin-1 characters) to text: how an image remembers its seed and model. */
  readonly text?: Readonly<Record<string, string>> | ReadonlyMap<string, string>;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Signature, IHDR with its length, name and checksum. */
const HEADER_BYTES = 8 + 12 + 13;
const MAX_TEXT = 1 << 20;

/** A PNG file; its text stands before the pixels, so that it can be read from the file's start. */
export function encodePng({ width, height, channels, data, text = {} }: PngImage): Uint8Array {
  if (channels !== 1 && channels !== 3)
    throw new InnateError('bad-argument', 'an image is neither grey nor RGB', {
      found: `${channels} channels`,
    });
  if (![width, height].every((n) => Number.isSafeInteger(n) && n > 0 && n < 2 ** 24))
    throw new InnateError('bad-argument', 'an image has no size', { found: `${width} x ${height}` });
  if (data.length !== width * height * channels)
    throw new InnateError('bad-argument', 'the pixels of an image do not match its size', {
      expected: `${width * height * channels} bytes`,
      found: String(data.length),
    });
  const image = encode({ width, height, channels, data, depth: 8 });
  const pairs = text instanceof Map ? [...text] : Object.entries(text as Record<string, string>);
  const chunks = pairs.map(([keyword, value]) => textChunk(keyword, value));
  const out = new Uint8Array(image.length + chunks.reduce((sum, c) => sum + c.length, 0));
  out.set(image.subarray(0, HEADER_BYTES));
  let at = HEADER_BYTES;
  for (const c of chunks) {
    out.set(c, at);
    at += c.length;
  }
  out.set(image.subarray(HEADER_BYTES), at);
  return out;
}

/** tEXt for latin-1, which every viewer shows; iTXt for everything else. */
function textChunk(keyword: string, text: string): Uint8Array {
  const key = latin1Bytes(keyword);
  if (!key || !/^[\x20-\x7e\xa1-\xff]{1,79}$/.test(keyword) || keyword !== keyword.trim())
    throw new InnateError('bad-argument', 'not a PNG keyword', { expected: '1 to 79 latin-1 characters' });
  const plain = text.includes('\0') ? null : latin1Bytes(text);
  // iTXt: keyword, 0, not compressed (two bytes), no language, no translated keyword, UTF-8.
  if (plain) return chunk('tEXt', [key, new Uint8Array(1), plain]);
  return chunk('iTXt', [key, new Uint8Array(5), new TextEncoder().encode(text.replaceAll('\0', ' '))]);
}

function chunk(type: string, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, p) => sum + p.length, 0);
  const out = new Uint8Array(12 + length);
  const d = new DataView(out.buffer);
  d.setUint32(0, length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  let at = 8;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  d.setUint32(at, crc32(out.subarray(4, at)));
  return out;
}

/**
 * The texts of a PNG (tEXt, and iTXt unless compressed), damaged ones left out. Throws an InnateError when the
 * file is no PNG or its chunks do not follow each other.
 */
export function readPngText(png: Uint8Array): Map<string, string> {
  if (!SIGNATURE.every((b, i) => png[i] === b)) throw badFile('not a PNG image');
  const texts = new Map<string, string>();
  const d = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let at = 8; at + 12 <= png.length; ) {
    const length = d.getUint32(at);
    const end = at + 8 + length;
    if (end + 4 > png.length) throw badFile('the PNG image ends too early', { where: `byte ${at}` });
    const type = latin1(png.subarray(at + 4, at + 8));
    if (type === 'IEND') break;
    if ((type === 'tEXt' || type === 'iTXt') && length <= MAX_TEXT) {
      const pair =
        crc32(png.subarray(at + 4, end)) === d.getUint32(end)
          ? parseText(type, png.subarray(at + 8, end))
          : null;
      if (pair) texts.set(pair[0], pair[1]);
    }
    at = end + 4;
  }
  return texts;
}

function parseText(type: string, body: Uint8Array): [string, string] | null {
  const end = body.indexOf(0);
  if (end < 1 || end > 79) return null;
  const keyword = latin1(body.subarray(0, end));
  if (type === 'tEXt') return [keyword, latin1(body.subarray(end + 1))];
  if (body[end + 1] !== 0) return null;
  const language = body.indexOf(0, end + 3);
  const translated = language < 0 ? -1 : body.indexOf(0, language + 1);
  if (translated < 0) return null;
  return [keyword, new TextDecoder().decode(body.subarray(translated + 1))];
}
