import { badFile } from '../../lib/errors';
import { interleaved, type Picture } from '../types';
import { ascii, littleEndian16, littleEndian24, littleEndian32 } from './bytes';
import { checkSize, cutOff, type Size } from './limits';
import { type Orientation, statedOrientation, upright } from './orientation';
import type { WasmCodec } from './wasm-codec';

interface Chunk {
  readonly type: string;
  readonly body: Uint8Array;
}

/** A still WebP picture, or the first frame of an animated one, upright. */
export async function decodeWebp(
  bytes: Uint8Array,
  where: string,
  codec: WasmCodec,
  maxPixels: number,
): Promise<Picture> {
  if (bytes.length < 20 || littleEndian32(bytes, 4) + 8 > bytes.length) throw cutOff(where);
  const all = chunks(bytes, 12);
  const first = all[0];
  const extended = first?.type === 'VP8X' && first.body.length >= 10 ? first.body : null;
  const size = extended
    ? { width: littleEndian24(extended, 4) + 1, height: littleEndian24(extended, 7) + 1 }
    : bitstreamSize(first, where);
  checkSize(size, where, maxPixels);
  const orientation = orientationOf(all);
  if (!extended || !(extended[0]! & ANIMATED)) {
    const picture = await codec.decode(bytes, where, size.width * size.height);
    return upright(picture, orientation);
  }
  return upright(await firstFrame(all, size, where, codec), orientation);
}

const ANIMATED = 2;
const ALPHA = 16;

function orientationOf(all: readonly Chunk[]): Orientation {
  const body = (name: string) => all.find(({ type }) => type === name)?.body ?? null;
  return statedOrientation(body('EXIF'), body('XMP '));
}

/** The chunks of a RIFF file, which are padded to even lengths. One that is cut off ends the list. */
function chunks(bytes: Uint8Array, from: number): Chunk[] {
  const found: Chunk[] = [];
  for (let at = from; at + 8 <= bytes.length; ) {
    const length = littleEndian32(bytes, at + 4);
    if (at + 8 + length > bytes.length) break;
    found.push({ type: ascii(bytes, at, 4), body: bytes.subarray(at + 8, at + 8 + length) });
    at += 8 + length + (length % 2);
  }
  return found;
}

/** Width and height that VP8 (lossy) or VP8L (lossless) data say of themselves. */
function bitstreamSize(chunk: Chunk | undefined, where: string): Size {
  if (!chunk) throw cutOff(where);
  const { type, body: b } = chunk;
  if (type === 'VP8 ') {
    if (b.length < 10) throw cutOff(where);
    if (b[3] !== 0x9d || b[4] !== 0x01 || b[5] !== 0x2a)
      throw badFile('the WebP image has no key frame', { where });
    return { width: littleEndian16(b, 6) & 0x3fff, height: littleEndian16(b, 8) & 0x3fff };
  }
  if (type === 'VP8L') {
    if (b.length < 5) throw cutOff(where);
    if (b[0] !== 0x2f) throw badFile('the WebP image has no lossless signature', { where });
    const bits = littleEndian32(b, 1);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  throw badFile('a WebP image of an unknown kind', { where });
}

/** The first frame on its canvas, which is transparent where the frame does not reach. */
async function firstFrame(
  all: readonly Chunk[],
  canvas: Size,
  where: string,
  codec: WasmCodec,
): Promise<Picture> {
  const frame = all.find(({ type }) => type === 'ANMF')?.body;
  if (!frame || frame.length < 16) throw cutOff(where);
  const [left, top] = [2 * littleEndian24(frame, 0), 2 * littleEndian24(frame, 3)];
  const size = { width: littleEndian24(frame, 6) + 1, height: littleEndian24(frame, 9) + 1 };
  const parts = chunks(frame, 16).filter(({ type }) => /^(ALPH|VP8 |VP8L)$/.test(type));
  const stored = bitstreamSize(
    parts.find(({ type }) => type !== 'ALPH'),
    where,
  );
  const inside = left + size.width <= canvas.width && top + size.height <= canvas.height;
  if (!inside || stored.width !== size.width || stored.height !== size.height)
    throw badFile('the first frame of the WebP image does not fit it', { where });
  const picture = await codec.decode(still(size, parts), where, size.width * size.height);
  if (size.width === canvas.width && size.height === canvas.height) return picture;
  const out = new Uint8Array(4 * canvas.width * canvas.height);
  for (let y = 0; y < size.height; y++) {
    const row = picture.data.subarray(4 * y * size.width, 4 * (y + 1) * size.width);
    out.set(row, 4 * ((top + y) * canvas.width + left));
  }
  return interleaved(canvas.width, canvas.height, 4, out);
}

/** A file of one frame. */
function still({ width, height }: Size, parts: readonly Chunk[]): Uint8Array {
  const header = new Uint8Array(10);
  const alpha = parts.some(({ type }) => type === 'ALPH' || type === 'VP8L');
  header[0] = alpha ? ALPHA : 0;
  for (let i = 0; i < 3; i++) {
    header[4 + i] = ((width - 1) >> (8 * i)) & 255;
    header[7 + i] = ((height - 1) >> (8 * i)) & 255;
  }
  const all = [{ type: 'VP8X', body: header }, ...parts];
  const out = new Uint8Array(
    12 + all.reduce((sum, { body }) => sum + 8 + body.length + (body.length % 2), 0),
  );
  const view = new DataView(out.buffer);
  const name = (text: string, at: number) => {
    for (let i = 0; i < 4; i++) out[at + i] = text.charCodeAt(i);
  };
  name('RIFF', 0);
  view.setUint32(4, out.length - 8, true);
  name('WEBP', 8);
  let at = 12;
  for (const { type, body } of all) {
    name(type, at);
    view.setUint32(at + 4, body.length, true);
    out.set(body, at + 8);
    at += 8 + body.length + (body.length % 2);
  }
  return out;
}
