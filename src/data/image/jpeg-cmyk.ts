import { type BaseDecoder, getDecoder } from 'geotiff';
import { badFile } from '../../lib/errors';
import { interleaved, type Picture } from '../types';
import { bigEndian16, joined } from './bytes';
import { inked } from './inks';
import type { JpegHeader } from './jpeg-header';
import { type Plane, upsampled } from './jpeg-upsample';
import { checkSize } from './limits';

/** The TIFF decoder of JPEG hands out components as they are stored, which libjpeg in WebAssembly does not. */
const TIFF_JPEG = 7;
/** Its blocks are objects: of four components, some 30 bytes a pixel. */
const MAX_CMYK_PIXELS = 2 ** 25;
/** Adobe's name for luma, chroma and black. */
const YCCK = 2;

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;

/**
 * A JPEG of four inks (CMYK, or YCCK, which is its form with luma and chroma), as RGB. The inks are stored inverted, as
 * Adobe's programs and so Pillow have it, whether or not the file says so.
 */
export async function decodeCmyk(bytes: Uint8Array, header: JpegHeader, where: string): Promise<Picture> {
  const { width, height } = header;
  checkSize(header, where, MAX_CMYK_PIXELS);
  const stored = await components(withoutStrays(bytes), where);
  if (stored.length !== 4 * width * height)
    throw badFile('the pixels of the image do not match its size', { where });
  const [c, m, y, k] = planes(stored, header) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  if (header.adobe === YCCK) toInks(c, m, y);
  const out = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) {
    const paper = k[i]!;
    out[3 * i] = inked(255 - c[i]!, paper);
    out[3 * i + 1] = inked(255 - m[i]!, paper);
    out[3 * i + 2] = inked(255 - y[i]!, paper);
  }
  return interleaved(width, height, 3, out);
}

async function components(bytes: Uint8Array, where: string): Promise<Uint8Array> {
  try {
    const decoder: BaseDecoder = await getDecoder(TIFF_JPEG, {
      tileWidth: 0,
      tileHeight: 0,
      predictor: 1,
      bitsPerSample: 8,
      planarConfiguration: 1,
    });
    return new Uint8Array(await decoder.decodeBlock(bytes.slice().buffer));
  } catch (error) {
    throw badFile(
      'the image is damaged or cut off',
      { where, found: String((error as Error).message) },
      error,
    );
  }
}

/** Each component at the picture's size. The decoder repeats samples: of each, the first is taken back. */
function planes(stored: Uint8Array, { width, height, sampling }: JpegHeader): Uint8Array[] {
  const mostAcross = Math.max(...sampling.map(([h]) => h));
  const mostDown = Math.max(...sampling.map(([, v]) => v));
  return sampling.map(([h, v], c) => {
    const plane: Plane = {
      width: Math.ceil((width * h) / mostAcross),
      height: Math.ceil((height * v) / mostDown),
      data: new Uint8Array(0),
    };
    const data = new Uint8Array(plane.width * plane.height);
    for (let y = 0, o = 0; y < plane.height; y++) {
      const row = Math.ceil((y * mostDown) / v) * width;
      for (let x = 0; x < plane.width; x++, o++)
        data[o] = stored[4 * (row + Math.ceil((x * mostAcross) / h)) + c]!;
    }
    return upsampled({ ...plane, data }, mostAcross / h, mostDown / v, width, height);
  });
}

/** Luma and chroma to three inks, in libjpeg's arithmetic (ITU-R 601, 16-bit fixed point). */
function toInks(y: Uint8Array, cb: Uint8Array, cr: Uint8Array): void {
  const ink = (v: number) => 255 - Math.min(255, Math.max(0, v));
  for (let i = 0; i < y.length; i++) {
    const luma = y[i]!;
    const blue = cb[i]! - 128;
    const red = cr[i]! - 128;
    y[i] = ink(luma + ((91881 * red + 32768) >> 16));
    cb[i] = ink(luma + ((-22554 * blue - 46802 * red + 32768) >> 16));
    cr[i] = ink(luma + ((116130 * blue + 32768) >> 16));
  }
}

/** The file without the bytes between segments and before the end that belong to none: libjpeg passes over them. */
function withoutStrays(bytes: Uint8Array): Uint8Array {
  const parts = [bytes.subarray(0, 2)];
  for (let at = 2; at + 1 < bytes.length; ) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || marker === 0 || marker === 0xff) {
      at++;
      continue;
    }
    if (marker === EOI) {
      parts.push(bytes.subarray(at, at + 2));
      break;
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= SOI)) {
      at += 2;
      continue;
    }
    const start = at;
    at += 2 + Math.max(2, bigEndian16(bytes, at + 2));
    if (marker === SOS) at = afterScan(bytes, at);
    if (at - start > 4 || marker === SOS) parts.push(bytes.subarray(start, at));
  }
  return joined(parts);
}

/** A scan's data end at a marker that is neither a restart nor a stuffed 0xff. */
function afterScan(bytes: Uint8Array, from: number): number {
  for (
    let at = bytes.indexOf(0xff, from);
    at >= 0 && at + 1 < bytes.length;
    at = bytes.indexOf(0xff, at + 1)
  ) {
    const next = bytes[at + 1]!;
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
  return bytes.length;
}
