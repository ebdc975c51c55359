import { Inflate, inflateSync } from 'fflate';
import { badFile, InnateError } from '../lib/errors';
import type { Source } from './source';

/** Compressed bytes handed over at a time: deflate grows at most 1032-fold, so a step makes at most 17 MB. */
const PIECE = 16 * 1024;

/**
 * Raw deflate data of a known size. Stops as soon as more comes out than `size`, so neither memory nor time
 * follow a bomb. Throws an InnateError when the data are damaged or their size is another.
 */
export function inflateExactly(
  source: Source,
  offset: number,
  compressedSize: number,
  size: number,
  where: string,
): Uint8Array {
  const mismatch = () =>
    badFile('compressed data have another size than stated', { where, expected: `${size} bytes` });
  // Before allocating: deflate cannot produce this much from so little.
  if (size > 1032 * compressedSize + 64) throw mismatch();
  try {
    if (compressedSize <= PIECE) {
      const out = new Uint8Array(size + 1);
      const made = inflateSync(source.read(offset, compressedSize), { out });
      if (made.length !== size) throw mismatch();
      return out.subarray(0, size);
    }
    const out = new Uint8Array(size);
    let used = 0;
    const stream = new Inflate((chunk) => {
      if (used + chunk.length > size) throw mismatch();
      out.set(chunk, used);
      used += chunk.length;
    });
    for (let at = 0; at < compressedSize; at += PIECE) {
      const n = Math.min(PIECE, compressedSize - at);
      stream.push(source.read(offset + at, n), at + n === compressedSize);
    }
    if (used !== size) throw mismatch();
    return out;
  } catch (error) {
    if (error instanceof InnateError) throw error;
    throw badFile('compressed data are damaged', { where, hint: 'Download or copy the file again' }, error);
  }
}
