import { decode } from 'jpeg-js';
import { badFile, InnateError } from '../../lib/errors';
import { interleaved, type Picture } from '../types';
import type { JpegHeader } from './jpeg-header';

/** Adobe's segment, which says that the four components are inks as they are. */
const PLAIN_INKS = Uint8Array.of(0xff, 0xee, 0, 14, 65, 100, 111, 98, 101, 0, 100, 0, 0, 0, 0, 0);

/**
 * A JPEG of four inks (CMYK, or YCCK, which is its form with luma and chroma), as RGB. The inks are stored inverted, as
 * Adobe's programs and so Pillow have it, whether or not the file says so.
 */
export function decodeCmyk(bytes: Uint8Array, header: JpegHeader, where: string, maxPixels: number): Picture {
  const { width, height, adobe } = header;
  try {
    const { data } = decode(adobe ? bytes : insert(bytes, PLAIN_INKS, 2), {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: maxPixels / 1e6,
      maxMemoryUsageInMB: (32 * maxPixels) / 2 ** 20,
    });
    if (data.length !== 3 * width * height)
      throw badFile('the image has not the size of its pixels', { where });
    return interleaved(width, height, 3, data);
  } catch (error) {
    if (error instanceof InnateError) throw error;
    throw badFile(
      'the image is damaged or cut off',
      { where, found: String((error as Error).message) },
      error,
    );
  }
}

function insert(bytes: Uint8Array, part: Uint8Array, at: number): Uint8Array {
  const out = new Uint8Array(bytes.length + part.length);
  out.set(bytes.subarray(0, at));
  out.set(part, at);
  out.set(bytes.subarray(at), at + part.length);
  return out;
}
