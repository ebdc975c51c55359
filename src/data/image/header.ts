import { badFile, InnateError } from '../../lib/errors';
import { ascii, bigEndian32, littleEndian16, littleEndian24, littleEndian32 } from './bytes';
import { jpegHeader } from './jpeg-header';

export type ImageFormat = 'png' | 'jpeg' | 'webp';

/** What a decoder would have to allocate for, learnt without decoding. */
export interface ImageHeader {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
}

/** 8192 x 4096: larger than any camera picture of a data set, and 134 MB as RGBA. */
export const MAX_PIXELS = 2 ** 25;
export const MAX_SIDE = 32_768;

const PNG = '\x89PNG\r\n\x1a\n';

/** Formats that no decoder here reads, by their first bytes. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/^GIF8/, 'a GIF image'],
  [/^BM/, 'a BMP image'],
  [/^(II\*\0|MM\0\*)/, 'a TIFF image'],
  [/^.{4}ftypavi[fs]/s, 'an AVIF image'],
  [/^.{4}ftyp(hei|mif1|msf1)/s, 'a HEIC image'],
  [/^(\xff\n|.{4}JXL )/s, 'a JPEG XL image'],
  [/^.{4}jP {2}/s, 'a JPEG 2000 image'],
  [/^P[1-7]\s/, 'a PNM image'],
  [/^\s*<(svg|\?xml)/i, 'an SVG drawing'],
];

/** Format and size of an image from its first bytes; null when it is none of the formats that are read. */
export function sniffImage(head: Uint8Array): ImageFormat | null {
  const text = ascii(head, 0, 16);
  if (text.startsWith(PNG)) return 'png';
  if (text.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'webp';
  return null;
}

/** Throws an InnateError unless `bytes` begin like an image that may be decoded. */
export function imageHeader(bytes: Uint8Array, where: string, maxPixels = MAX_PIXELS): ImageHeader {
  const format = sniffImage(bytes);
  if (!format) throw notAnImage(bytes, where);
  const { width, height } =
    format === 'png'
      ? pngSize(bytes, where)
      : format === 'webp'
        ? webpSize(bytes, where)
        : jpegHeader(bytes, where);
  if (width === 0 || height === 0)
    throw badFile('the image has no size', { where, found: `${width} x ${height}` });
  if (width > MAX_SIDE || height > MAX_SIDE || width * height > maxPixels)
    throw new InnateError('refused', 'the image is too large', {
      where,
      expected: `at most ${maxPixels} pixels`,
      found: `${width} x ${height}`,
    });
  return { format, width, height };
}

function notAnImage(bytes: Uint8Array, where: string): InnateError {
  if (bytes.length === 0) return badFile('the image file is empty', { where });
  const head = ascii(bytes, 0, 24);
  for (const [pattern, found] of OTHERS)
    if (pattern.test(head))
      return new InnateError('unsupported', 'an image format that is not read', {
        where,
        expected: 'PNG, JPEG or WebP',
        found,
      });
  return badFile('not an image', { where, expected: 'PNG, JPEG or WebP' });
}

const cutOff = (where: string) => badFile('the image ends too early', { where });

function pngSize(bytes: Uint8Array, where: string) {
  if (bytes.length < 33) throw cutOff(where);
  if (bigEndian32(bytes, 8) !== 13 || ascii(bytes, 12, 4) !== 'IHDR')
    throw badFile('the PNG image does not begin with its header', { where });
  return { width: bigEndian32(bytes, 16), height: bigEndian32(bytes, 20) };
}

/** The first chunk decides: VP8 (lossy), VP8L (lossless) or VP8X (with a header of its own). */
function webpSize(bytes: Uint8Array, where: string) {
  if (bytes.length < 30 || littleEndian32(bytes, 4) + 8 > bytes.length) throw cutOff(where);
  const chunk = ascii(bytes, 12, 4);
  if (chunk === 'VP8 ') {
    if (bytes[23] !== 0x9d || bytes[24] !== 0x01 || bytes[25] !== 0x2a)
      throw badFile('the WebP image has no key frame', { where });
    return { width: littleEndian16(bytes, 26) & 0x3fff, height: littleEndian16(bytes, 28) & 0x3fff };
  }
  if (chunk === 'VP8L') {
    if (bytes[20] !== 0x2f) throw badFile('the WebP image has no lossless signature', { where });
    const bits = littleEndian32(bytes, 21);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (chunk === 'VP8X') {
    if (bytes[20]! & 2)
      throw new InnateError('unsupported', 'an animated image', { where, hint: 'Save one frame of it' });
    return { width: littleEndian24(bytes, 24) + 1, height: littleEndian24(bytes, 27) + 1 };
  }
  throw badFile('a WebP image of an unknown kind', { where });
}
