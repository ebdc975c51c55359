import { decode } from 'fast-png';
import { Unzlib, unzlibSync } from 'fflate';
import { crc32 } from '../../formats/crc32';
import { badFile, InnateError } from '../../lib/errors';
import { interleaved, type Picture } from '../types';
import { ascii, bigEndian32 } from './bytes';

const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly kind: number;
  readonly interlaced: boolean;
}

/**
 * A PNG image of any kind but interlaced with less than 8 bits (none is written by anyone). Of 16 bits the upper
 * eight are taken, as Pillow does for colour.
 *
 * The decoder proper trusts its file: it would unpack any amount of pixels, and colour profiles besides. So it is
 * handed a file made anew of the header, palette, transparency and the pixels, unpacked here to exactly what the
 * header says.
 */
export function decodePng(bytes: Uint8Array, where: string): Picture {
  const { layout, palette, transparency, data } = chunks(bytes, where);
  const raw = unpack(data, rawSize(layout), where);
  const parts = [bytes.subarray(0, 33)];
  if (palette && layout.kind === 3) parts.push(palette);
  if (transparency && layout.kind !== 4 && layout.kind !== 6) parts.push(transparency);
  parts.push(chunk('IDAT', stored(raw)), chunk('IEND', new Uint8Array(0)));
  try {
    return toPicture(decode(join(parts)), layout, where);
  } catch (error) {
    if (error instanceof InnateError) throw error;
    throw badFile('the PNG image is damaged', { where, found: String((error as Error).message) }, error);
  }
}

/** Walks the chunks, checksums included. Ends at IEND; a file without one is cut off. */
function chunks(bytes: Uint8Array, where: string) {
  const damaged = () => badFile('the PNG image is damaged or cut off', { where });
  let palette: Uint8Array | null = null;
  let transparency: Uint8Array | null = null;
  const data: Uint8Array[] = [];
  for (let at = 8; ; ) {
    const length = bigEndian32(bytes, at);
    const end = at + 12 + length;
    if (at + 12 > bytes.length || end > bytes.length) throw damaged();
    const type = ascii(bytes, at + 4, 4);
    const used = type === 'IHDR' || type === 'PLTE' || type === 'tRNS' || type === 'IDAT';
    if (used && crc32(bytes.subarray(at + 4, end - 4)) !== bigEndian32(bytes, end - 4)) throw damaged();
    if (type === 'PLTE') palette = bytes.subarray(at, end);
    else if (type === 'tRNS') transparency = bytes.subarray(at, end);
    else if (type === 'IDAT') data.push(bytes.subarray(at + 8, end - 4));
    else if (type === 'IEND') break;
    else if (type === 'acTL')
      throw new InnateError('unsupported', 'an animated image', { where, hint: 'Save one frame of it' });
    at = end;
  }
  return { layout: readLayout(bytes, where), palette, transparency, data };
}

function readLayout(bytes: Uint8Array, where: string): Layout {
  const depth = bytes[24]!;
  const kind = bytes[25]!;
  const interlace = bytes[28]!;
  const known = [1, 2, 4, 8, 16].includes(depth) && kind in CHANNELS && interlace <= 1;
  if (!known || (depth < 8 && kind !== 0 && kind !== 3) || (depth === 16 && kind === 3))
    throw badFile('the PNG header is damaged', { where });
  if (interlace === 1 && depth < 8)
    throw new InnateError('unsupported', 'an interlaced PNG of less than 8 bits', { where });
  return {
    width: bigEndian32(bytes, 16),
    height: bigEndian32(bytes, 20),
    depth,
    kind,
    interlaced: interlace === 1,
  };
}

/** Bytes of the filtered rows. */
function rawSize({ width, height, depth, kind, interlaced }: Layout): number {
  const row = (w: number) => (w > 0 ? 1 + Math.ceil((w * depth * CHANNELS[kind]!) / 8) : 0);
  if (!interlaced) return height * row(width);
  const count = (size: number, first: number, step: number) => Math.ceil(Math.max(0, size - first) / step);
  let total = 0;
  for (const [x, y, dx, dy] of ADAM7) total += count(height, y, dy) * row(count(width, x, dx));
  return total;
}

const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Deflate grows at most 1032-fold, so a piece makes at most 17 MB before its size is looked at. */
const PIECE = 16 * 1024;
/** Less than this is unpacked in one go: what does not fit is counted but never kept. */
const SMALL = 64 * 1024;

function unpack(data: readonly Uint8Array[], size: number, where: string): Uint8Array {
  const packed = data.reduce((sum, d) => sum + d.length, 0);
  const mismatch = () =>
    badFile('the PNG image has not the pixels that its header says', { where, expected: `${size} bytes` });
  // Before allocating.
  if (size > 1032 * packed + 64) throw mismatch();
  if (packed <= SMALL) {
    let made: Uint8Array;
    try {
      made = unzlibSync(data.length === 1 ? data[0]! : join(data), { out: new Uint8Array(size + 1) });
    } catch (error) {
      throw badFile('the PNG image is damaged', { where }, error);
    }
    if (made.length !== size) throw mismatch();
    return made;
  }
  const raw = new Uint8Array(size);
  let used = 0;
  const stream = new Unzlib((piece) => {
    if (used + piece.length > size) throw mismatch();
    raw.set(piece, used);
    used += piece.length;
  });
  try {
    for (const part of data)
      for (let at = 0; at < part.length; at += PIECE) stream.push(part.subarray(at, at + PIECE), false);
    stream.push(new Uint8Array(0), true);
  } catch (error) {
    if (error instanceof InnateError) throw error;
    throw badFile('the PNG image is damaged', { where }, error);
  }
  if (used !== size) throw mismatch();
  return raw;
}

/** Zlib data that say their content plainly: unpacking them is a copy. */
function stored(raw: Uint8Array): Uint8Array {
  const BLOCK = 65_535;
  const blocks = Math.max(1, Math.ceil(raw.length / BLOCK));
  const out = new Uint8Array(2 + 5 * blocks + raw.length + 4);
  out.set([0x78, 0x01]);
  let at = 2;
  for (let i = 0; i < blocks; i++) {
    const part = raw.subarray(i * BLOCK, (i + 1) * BLOCK);
    const n = part.length;
    out.set([i === blocks - 1 ? 1 : 0, n & 255, n >> 8, ~n & 255, (~n >> 8) & 255], at);
    out.set(part, at + 5);
    at += 5 + n;
  }
  // The checksum at the end stays zero: nobody looks at it.
  return out;
}

/** The checksum stays zero: the decoder is not asked to look at it. */
function chunk(type: string, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + body.length);
  new DataView(out.buffer).setUint32(0, body.length);
  for (let i = 0; i < 4; i++) out[4 + i] = type.charCodeAt(i);
  out.set(body, 8);
  return out;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

type Decoded = ReturnType<typeof decode>;

function toPicture(png: Decoded, { width, height, depth, kind }: Layout, where: string): Picture {
  const { palette, transparency } = png;
  if (kind === 3 && !palette) throw badFile('the PNG image has no palette', { where });
  const samples = depth < 8 ? unpackBits(png.data as Uint8Array, width, height, depth) : png.data;
  const direct = depth === 8 && !transparency;
  if (direct && kind === 0) return interleaved(width, height, 1, samples as Uint8Array);
  if (direct && (kind === 2 || kind === 6))
    return interleaved(width, height, kind === 2 ? 3 : 4, samples as Uint8Array);
  const n = width * height;
  const out = new Uint8Array(4 * n);
  const channels = CHANNELS[kind]!;
  const grey = channels < 3;
  // Eight bits of any depth: 1, 3, 15, 255 and 65535 all become 255.
  const to8 = depth === 16 ? (v: number) => v >> 8 : (v: number) => (v * 255) / (2 ** depth - 1);
  for (let i = 0; i < n; i++) {
    const at = i * channels;
    if (kind === 3) {
      const colour = palette![samples[at]!];
      if (!colour) throw badFile('a pixel outside of the PNG palette', { where });
      for (let c = 0; c < 4; c++) out[4 * i + c] = colour[c] ?? 255;
      continue;
    }
    for (let c = 0; c < 3; c++) out[4 * i + c] = to8(samples[at + (grey ? 0 : c)]!);
    let alpha = 255;
    if (kind === 4 || kind === 6) alpha = to8(samples[at + channels - 1]!);
    else if (transparency) {
      // One colour, at the file's own depth, means nothing.
      let same = transparency.length >= channels;
      for (let c = 0; c < channels && same; c++) same = samples[at + c] === transparency[c];
      if (same) alpha = 0;
    }
    out[4 * i + 3] = alpha;
  }
  return interleaved(width, height, 4, out);
}

/** Rows are padded to whole bytes. */
function unpackBits(data: Uint8Array, width: number, height: number, depth: number): Uint8Array {
  const row = Math.ceil((width * depth) / 8);
  const mask = 2 ** depth - 1;
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      out[y * width + x] = (data[y * row + (bit >> 3)]! >> (8 - depth - (bit & 7))) & mask;
    }
  return out;
}
