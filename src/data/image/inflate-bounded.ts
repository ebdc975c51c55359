import { Unzlib, unzlibSync } from 'fflate';
import { joined } from './bytes';

/** Deflate grows at most 1032-fold, so a piece makes at most 17 MB before its size is looked at. */
const PIECE = 16 * 1024;
/** Less than this is unpacked in one go, where it is not plainly more than was asked for. */
const SMALL = 64 * 1024;

/** How many bytes of zlib data can come to, at most: what to know before allocating. */
export const mostInflated = (packed: number): number => 1032 * packed + 64;

/**
 * The first `size` bytes of zlib data that come in parts; fewer where the data end, or are damaged, before that. What
 * follows them, a checksum included, is not looked at: decoders of pictures stop at the last pixel too. Memory is
 * `size` and a little, whatever the data would unpack to.
 */
export function inflateUpTo(parts: readonly Uint8Array[], size: number): Uint8Array {
  const packed = parts.reduce((sum, part) => sum + part.length, 0);
  const plain = packed <= SMALL && packed <= size + 64;
  return (plain && inflateSmall(joined(parts), size)) || inflateStream(parts, size);
}

/** The common case, several times faster than a stream: exactly so many bytes, undamaged. */
function inflateSmall(data: Uint8Array, size: number): Uint8Array | null {
  try {
    const made = unzlibSync(data, { out: new Uint8Array(size + 1) });
    return made.length === size ? made : null;
  } catch {
    return null;
  }
}

/** Thrown to leave a stream that has given enough. */
const ENOUGH = new Error('enough');

function inflateStream(parts: readonly Uint8Array[], size: number): Uint8Array {
  const raw = new Uint8Array(size);
  let used = 0;
  const stream = new Unzlib((piece) => {
    const fits = piece.subarray(0, size - used);
    raw.set(fits, used);
    used += fits.length;
    if (used === size) throw ENOUGH;
  });
  const step = Math.min(PIECE, Math.max(64, size));
  try {
    for (const part of parts)
      for (let at = 0; at < part.length; at += step) stream.push(part.subarray(at, at + step), false);
    stream.push(new Uint8Array(0), true);
  } catch {
    // What was made before the damage may be all that is wanted.
  }
  return raw.subarray(0, used);
}
