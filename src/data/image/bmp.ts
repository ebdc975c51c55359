import { badFile, InnateError } from '../../lib/errors';
import { interleaved, type Picture } from '../types';
import { littleEndian16, littleEndian32 } from './bytes';
import { checkSize, cutOff } from './limits';

/**
 * BMP is decoded here: of the decoders on npm that could be tried, one reads neither 4 nor 16 bits, run lengths or
 * rows from the top, the other misreads palettes and 16-bit colours.
 */

const RGB = 0;
const RLE8 = 1;
const RLE4 = 2;
const BITFIELDS = 3;
const ALPHABITFIELDS = 6;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Where the pixels begin. */
  readonly data: number;
  /** Four bytes a colour, three in the oldest header. */
  readonly palette: { readonly at: number; readonly step: number; readonly colours: number };
  /** Red, green, blue and alpha of a 16- or 32-bit pixel; 0 = none. */
  readonly masks: readonly [number, number, number, number];
}

/**
 * A BMP image of any kind that Windows or OS/2 write but those that wrap a JPEG or PNG: 1, 2, 4 and 8 bits with a
 * palette, run lengths, 16, 24 and 32 bits with any masks, rows from either end. Alpha counts where a mask names it.
 */
export function decodeBmp(bytes: Uint8Array, where: string, maxPixels: number): Picture {
  const header = readHeader(bytes, where, maxPixels);
  const { width, height, bits, compression } = header;
  if (compression === RLE8 || compression === RLE4)
    return fromPalette(runLengths(bytes, header, where), bytes, header);
  const row = 4 * Math.ceil((width * bits) / 32);
  // Pillow too does without the padding of the last row.
  const used = (height - 1) * row + Math.ceil((width * bits) / 8);
  if (header.data + used > bytes.length) throw cutOff(where);
  if (bits <= 8) return fromPalette(unpackIndices(bytes, header, row), bytes, header);
  return bits === 24 ? direct24(bytes, header, row) : masked(bytes, header, row);
}

function readHeader(bytes: Uint8Array, where: string, maxPixels: number): Header {
  if (bytes.length < 26) throw cutOff(where);
  const size = littleEndian32(bytes, 14);
  const old = size === 12;
  if (!old && !(size >= 16 && size <= 256)) throw badFile('the BMP image has no header', { where });
  if (14 + size > bytes.length) throw cutOff(where);
  const signed = littleEndian32(bytes, 22) | 0;
  const width = old ? littleEndian16(bytes, 18) : littleEndian32(bytes, 18);
  const height = old ? littleEndian16(bytes, 20) : Math.abs(signed);
  checkSize({ width, height }, where, maxPixels);
  const bits = littleEndian16(bytes, old ? 24 : 28);
  const compression = old || size < 20 ? RGB : littleEndian32(bytes, 30);
  const wants = { [RLE8]: 8, [RLE4]: 4 }[compression] ?? bits;
  const isMasked = compression === BITFIELDS || compression === ALPHABITFIELDS;
  const known = [1, 2, 4, 8, 16, 24, 32].includes(bits) && wants === bits;
  if (!known || !(isMasked || compression <= RLE4) || (isMasked && bits !== 16 && bits !== 32))
    throw new InnateError('unsupported', 'a BMP image of a kind that is not read', {
      where,
      expected: 'pixels as they are or run lengths',
      found: `${bits} bits, compression ${compression}`,
    });
  // Masks follow the plain header and are part of the later ones.
  const ownMasks = isMasked && size < 52 ? (compression === ALPHABITFIELDS ? 16 : 12) : 0;
  const mask = (i: number) =>
    isMasked && (i < 3 || size >= 56 || ownMasks === 16) ? littleEndian32(bytes, 54 + 4 * i) : 0;
  const usual = bits === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0];
  const masks = isMasked ? [mask(0), mask(1), mask(2), mask(3)] : usual;
  const stated = old || size < 36 ? 0 : littleEndian32(bytes, 46);
  const at = 14 + size + ownMasks;
  const data = littleEndian32(bytes, 10) || at;
  if (data < 14 + size || data > bytes.length) throw cutOff(where);
  const step = old ? 3 : 4;
  const most = 2 ** Math.min(bits, 8);
  const colours = bits > 8 ? 0 : Math.min(stated || most, most, Math.floor((data - at) / step));
  return {
    width,
    height,
    topDown: !old && signed < 0,
    bits,
    compression,
    data,
    palette: { at, step, colours: Math.max(0, colours) },
    masks: masks as [number, number, number, number],
  };
}

/** Row y of the picture, from the top, as the file counts its rows. */
const stored = ({ height, topDown }: Header, y: number) => (topDown ? y : height - 1 - y);

function unpackIndices(bytes: Uint8Array, header: Header, row: number): Uint8Array {
  const { width, height, bits, data } = header;
  const out = new Uint8Array(width * height);
  const mask = 2 ** bits - 1;
  for (let y = 0, o = 0; y < height; y++) {
    const from = data + stored(header, y) * row;
    for (let x = 0; x < width; x++, o++) {
      const bit = x * bits;
      out[o] = (bytes[from + (bit >> 3)]! >> (8 - bits - (bit & 7))) & mask;
    }
  }
  return out;
}

/** Runs of one colour (or two by turns), runs as they are, jumps, ends of rows. What is jumped over is colour 0. */
function runLengths(bytes: Uint8Array, header: Header, where: string): Uint8Array {
  const { width, height, bits, data } = header;
  const out = new Uint8Array(width * height);
  let [x, y] = [0, 0];
  const put = (index: number) => {
    if (x < width && y < height) out[stored(header, y) * width + x] = index;
    x++;
  };
  for (let at = data; at + 2 <= bytes.length && y < height; ) {
    const [count, value] = [bytes[at]!, bytes[at + 1]!];
    at += 2;
    if (count > 0)
      for (let i = 0; i < count; i++) put(bits === 8 ? value : i % 2 === 0 ? value >> 4 : value & 15);
    else if (value === 0) {
      x = 0;
      y++;
    } else if (value === 1) return out;
    else if (value === 2) {
      x += bytes[at] ?? 0;
      y += bytes[at + 1] ?? 0;
      at += 2;
    } else {
      const length = bits === 8 ? value : Math.ceil(value / 2);
      if (at + length > bytes.length) throw cutOff(where);
      for (let i = 0; i < value; i++) {
        const byte = bytes[at + (bits === 8 ? i : i >> 1)]!;
        put(bits === 8 ? byte : i % 2 === 0 ? byte >> 4 : byte & 15);
      }
      at += length + (length % 2);
    }
  }
  if (y < height - 1 || (y === height - 1 && x < width)) throw cutOff(where);
  return out;
}

function fromPalette(indices: Uint8Array, bytes: Uint8Array, header: Header): Picture {
  const { width, height, palette } = header;
  const { at, step, colours } = palette;
  // An index beyond the palette is black.
  const table = new Uint8Array(3 * 256);
  for (let i = 0; i < colours; i++)
    for (let c = 0; c < 3; c++) table[3 * i + c] = bytes[at + i * step + 2 - c]!;
  if (isGrey(table, colours))
    return interleaved(
      width,
      height,
      1,
      indices.map((i) => table[3 * i]!),
    );
  const out = new Uint8Array(3 * indices.length);
  for (let i = 0; i < indices.length; i++) {
    const from = 3 * indices[i]!;
    for (let c = 0; c < 3; c++) out[3 * i + c] = table[from + c]!;
  }
  return interleaved(width, height, 3, out);
}

function isGrey(table: Uint8Array, colours: number): boolean {
  for (let i = 0; i < 3 * colours; i += 3)
    if (table[i] !== table[i + 1] || table[i] !== table[i + 2]) return false;
  return true;
}

function direct24(bytes: Uint8Array, header: Header, row: number): Picture {
  const { width, height, data } = header;
  const out = new Uint8Array(3 * width * height);
  for (let y = 0, o = 0; y < height; y++)
    for (let x = 0, at = data + stored(header, y) * row; x < width; x++, o += 3, at += 3) {
      out[o] = bytes[at + 2]!;
      out[o + 1] = bytes[at + 1]!;
      out[o + 2] = bytes[at]!;
    }
  return interleaved(width, height, 3, out);
}

/** Where a mask's bits lie, and the largest value that they hold. */
function field(mask: number): { shift: number; most: number } {
  let shift = 0;
  while (shift < 32 && mask !== 0 && !((mask >>> shift) & 1)) shift++;
  return { shift, most: mask === 0 ? 0 : mask >>> shift };
}

function masked(bytes: Uint8Array, header: Header, row: number): Picture {
  const { width, height, data, bits, masks } = header;
  const fields = masks.map(field);
  const channels = masks[3] === 0 ? 3 : 4;
  const out = new Uint8Array(channels * width * height);
  const size = bits / 8;
  const read = bits === 16 ? littleEndian16 : littleEndian32;
  for (let y = 0, o = 0; y < height; y++)
    for (let x = 0, at = data + stored(header, y) * row; x < width; x++, at += size) {
      const pixel = read(bytes, at);
      for (let c = 0; c < channels; c++) {
        const { shift, most } = fields[c]!;
        out[o++] = most === 0 ? 0 : Math.trunc((255 * ((pixel >>> shift) & most)) / most);
      }
    }
  return interleaved(width, height, channels, out);
}
