import { GifReader } from 'omggif';
import { badFile } from '../../lib/errors';
import { interleaved, type Picture } from '../types';
import { littleEndian16 } from './bytes';
import { checkSize, cutOff } from './limits';

const IMAGE = 0x2c;
const EXTENSION = 0x21;
const GRAPHIC_CONTROL = 0xf9;
const TRAILER = 0x3b;

/**
 * The first frame of a GIF. The decoder is handed that frame alone, on a screen that holds it: what follows is not
 * looked at, a missing trailer does not matter, and memory follows the picture only.
 *
 * Pillow's rules hold: the screen around a smaller frame is the palette's first colour (or transparent, where the frame
 * knows transparency), and a file without a palette is grey.
 */
export function decodeGif(bytes: Uint8Array, where: string, maxPixels: number): Picture {
  if (bytes.length < 13) throw cutOff(where);
  const flags = bytes[10]!;
  const globalPalette = flags & 0x80 ? bytes.subarray(13, 13 + 3 * 2 ** ((flags & 7) + 1)) : null;
  const { control, start, end, width, height } = firstFrame(bytes, 13 + (globalPalette?.length ?? 0), where);
  checkSize({ width, height }, where, maxPixels);
  const localPalette = bytes[start + 9]! & 0x80 ? bytes.subarray(start + 10) : null;
  const palette = globalPalette ?? GREY;
  const bits = Math.log2(palette.length / 3) - 1;
  const header = bytes.slice(0, 13);
  header.set([width & 255, width >> 8, height & 255, height >> 8, 0x80 | (flags & 0x70) | bits], 6);
  const parts = [header, palette, control ?? new Uint8Array(0), bytes.subarray(start, end)];
  const file = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0) + 1);
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  file[at] = TRAILER;
  const pixels = new Uint8Array(4 * width * height);
  try {
    const reader = new GifReader(file);
    const frame = reader.frameInfo(0);
    const covers = frame.x === 0 && frame.y === 0 && frame.width === width && frame.height === height;
    if (!covers && frame.transparent_index === null) fill(pixels, localPalette ?? palette);
    reader.decodeAndBlitFrameRGBA(0, pixels);
    if (covers && frame.transparent_index === null) checkWhole(pixels, where);
  } catch (error) {
    throw badFile('the GIF image is damaged', { where, found: String((error as Error).message) }, error);
  }
  return interleaved(width, height, 4, pixels);
}

/** Grey, from black to white. */
const GREY = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));

/** Walks to the first image: where it lies, what controls it, and the screen that holds it. */
function firstFrame(bytes: Uint8Array, from: number, where: string) {
  let control: Uint8Array | null = null;
  for (let at = from; ; ) {
    if (at >= bytes.length) throw cutOff(where);
    const kind = bytes[at]!;
    if (kind === TRAILER) throw badFile('the GIF image has no frame', { where });
    if (kind === EXTENSION) {
      const end = afterBlocks(bytes, at + 2, where);
      if (bytes[at + 1] === GRAPHIC_CONTROL && end === at + 8) control = bytes.subarray(at, end);
      at = end;
    } else if (kind === IMAGE) {
      if (at + 11 > bytes.length) throw cutOff(where);
      const flags = bytes[at + 9]!;
      const palette = flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
      // One byte says how many bits a code begins with.
      const end = afterBlocks(bytes, at + 10 + palette + 1, where);
      return {
        control,
        start: at,
        end,
        width: Math.max(
          littleEndian16(bytes, 6),
          littleEndian16(bytes, at + 1) + littleEndian16(bytes, at + 5),
        ),
        height: Math.max(
          littleEndian16(bytes, 8),
          littleEndian16(bytes, at + 3) + littleEndian16(bytes, at + 7),
        ),
      };
    } else at++; // Stray bytes between blocks are passed over, as Pillow does.
  }
}

/** Blocks of up to 255 bytes, each with its length before it, until one of none. */
function afterBlocks(bytes: Uint8Array, from: number, where: string): number {
  for (let at = from; at < bytes.length; at += 1 + bytes[at]!) if (bytes[at] === 0) return at + 1;
  throw cutOff(where);
}

function fill(pixels: Uint8Array, [r = 0, g = 0, b = 0]: Uint8Array): void {
  for (let i = 0; i < pixels.length; i += 4) pixels.set([r, g, b, 255], i);
}

/** The decoder only warns where the data end before the picture does; every pixel that it sets is opaque. */
function checkWhole(pixels: Uint8Array, where: string): void {
  if (pixels[pixels.length - 1] !== 255) throw cutOff(where);
}
