import { crc32 } from '../../formats/crc32';
import { badFile } from '../../lib/errors';
import { interleaved, type Picture } from '../types';
import { ascii, bigEndian32 } from './bytes';
import { inflateUpTo, mostInflated } from './inflate-bounded';
import { checkSize, cutOff } from './limits';
import { statedOrientation, upright } from './orientation';
import { type PngLayout, rawSize, unfiltered } from './png-filter';
import { exifOfText, pngText, XMP } from './png-text';

/**
 * A PNG image of any kind, upright; of an animated one its still picture. As Pillow does, it goes without IEND,
 * without the checksum of the pixels, and past pixels that the header does not speak of. Of 16 bits the upper eight
 * are taken, as Pillow does for colour.
 */
export function decodePng(bytes: Uint8Array, where: string, maxPixels?: number): Picture {
  const layout = readLayout(bytes, where, maxPixels);
  const { palette, transparency, data, exif, xmp } = chunks(bytes, layout, where);
  if (data.length === 0) throw cutOff(where);
  const size = rawSize(layout);
  const packed = data.reduce((sum, { length }) => sum + length, 0);
  const missing = () =>
    badFile('the PNG image does not hold as many pixels as its header says', {
      where,
      expected: `${size} bytes`,
    });
  // Before allocating.
  if (size > mostInflated(packed)) throw missing();
  const raw = inflateUpTo(data, size);
  if (raw.length !== size) throw missing();
  const samples = unfiltered(raw, layout);
  if (!samples) throw badFile('the PNG image is damaged', { where, found: 'an unknown filter' });
  return upright(toPicture(samples, layout, palette, transparency, where), statedOrientation(exif, xmp));
}

function readLayout(bytes: Uint8Array, where: string, maxPixels: number | undefined): PngLayout {
  if (bytes.length < 33) throw cutOff(where);
  if (bigEndian32(bytes, 8) !== 13 || ascii(bytes, 12, 4) !== 'IHDR')
    throw badFile('the PNG image does not begin with its header', { where });
  const layout = {
    width: bigEndian32(bytes, 16),
    height: bigEndian32(bytes, 20),
    depth: bytes[24]!,
    channels: CHANNELS[bytes[25]!] ?? 0,
    kind: bytes[25]!,
    interlaced: bytes[28] === 1,
  };
  checkSize(layout, where, maxPixels);
  const { depth, kind, channels } = layout;
  const known = [1, 2, 4, 8, 16].includes(depth) && channels > 0 && bytes[28]! <= 1;
  const fits = depth === 8 || kind === 0 || (kind === 3 && depth < 8) || (kind !== 3 && depth === 16);
  if (!known || !fits || crc32(bytes.subarray(12, 29)) !== bigEndian32(bytes, 29))
    throw badFile('the PNG header is damaged', { where });
  return layout;
}

/** Samples of a pixel by the header's colour type: grey, RGB, palette, grey and alpha, RGBA. */
const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

const TEXT = /^(tEXt|zTXt|iTXt)$/;

/** Walks the chunks, with the checksums of those that are used; ends at IEND, or where the file does. */
function chunks(bytes: Uint8Array, layout: PngLayout, where: string) {
  let palette: Uint8Array | null = null;
  let transparency: Uint8Array | null = null;
  let exif: Uint8Array | null = null;
  let xmp: Uint8Array | null = null;
  const data: Uint8Array[] = [];
  let done = false;
  for (let at = 33; at + 8 <= bytes.length && !done; ) {
    const length = bigEndian32(bytes, at);
    const type = ascii(bytes, at + 4, 4);
    const end = at + 12 + length;
    if (end > bytes.length) {
      // Pixels that are there may be all of them: the last chunk alone can be cut off.
      if (type === 'IDAT') data.push(bytes.subarray(at + 8, Math.min(end - 4, bytes.length)));
      break;
    }
    const body = bytes.subarray(at + 8, end - 4);
    const sound = () => crc32(bytes.subarray(at + 4, end - 4)) === bigEndian32(bytes, end - 4);
    if (type === 'IDAT') data.push(body);
    else if (type === 'IEND') done = true;
    else if ((type === 'PLTE' && layout.kind === 3) || type === 'tRNS') {
      if (!sound()) throw badFile('the PNG image is damaged', { where, found: `${type} and its checksum` });
      if (type === 'PLTE') palette = body;
      else transparency = body;
    } else if (type === 'eXIf' && sound()) exif = body;
    else if (TEXT.test(type) && sound()) {
      const text = pngText(type, body);
      if (text?.keyword === XMP) xmp = text.value;
      // The chunk of its own counts before what older programs made of it.
      else if (text) exif ??= exifOfText(text);
    }
    at = end;
  }
  return { palette, transparency, data, exif, xmp };
}

function toPicture(
  samples: Uint8Array | Uint16Array,
  layout: PngLayout,
  palette: Uint8Array | null,
  transparency: Uint8Array | null,
  where: string,
): Picture {
  const { width, height, depth, kind, channels } = layout;
  if (kind === 3) {
    if (!palette) throw badFile('the PNG image has no palette', { where });
    return fromPalette(samples, layout, palette, transparency);
  }
  const keyed = transparency !== null && (kind === 0 || kind === 2) && transparency.length >= 2 * channels;
  if (!keyed && (kind === 0 || kind === 2 || kind === 6))
    return interleaved(width, height, channels as 1 | 3 | 4, toBytes(samples, depth));
  // One colour, at the file's own depth, means nothing.
  const key = keyed
    ? Array.from({ length: channels }, (_, c) => transparency[2 * c]! * 256 + transparency[2 * c + 1]!)
    : null;
  const values = toBytes(samples, depth);
  const out = new Uint8Array(4 * width * height);
  const colours = channels < 3 ? 1 : 3;
  for (let i = 0; i < width * height; i++) {
    const at = i * channels;
    for (let c = 0; c < 3; c++) out[4 * i + c] = values[at + Math.min(c, colours - 1)]!;
    out[4 * i + 3] = key ? (key.every((v, c) => samples[at + c] === v) ? 0 : 255) : values[at + 1]!;
  }
  return interleaved(width, height, 4, out);
}

/** Eight bits of any depth: 1, 3, 15, 255 and 65535 all become 255. */
function toBytes(samples: Uint8Array | Uint16Array, depth: number): Uint8Array {
  if (depth === 8) return samples as Uint8Array;
  if (depth === 16) return Uint8Array.from(samples, (v) => v >> 8);
  const scale = 255 / (2 ** depth - 1);
  return Uint8Array.from(samples, (v) => v * scale);
}

/** An index beyond the palette is black. */
function fromPalette(
  samples: Uint8Array | Uint16Array,
  { width, height }: PngLayout,
  palette: Uint8Array,
  transparency: Uint8Array | null,
): Picture {
  const channels = transparency ? 4 : 3;
  const out = new Uint8Array(channels * samples.length);
  for (let i = 0; i < samples.length; i++) {
    const index = samples[i]!;
    for (let c = 0; c < 3; c++) out[channels * i + c] = palette[3 * index + c] ?? 0;
    if (transparency) out[4 * i + 3] = transparency[index] ?? 255;
  }
  return interleaved(width, height, channels, out);
}
