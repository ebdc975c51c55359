import type { Source } from '../formats/source';

const BLOCK = 16 * 1024;

/**
 * Reads a little ahead: a zip entry's header is 30 bytes, its image follows, and in a browser each read costs the
 * same whatever its length.
 */
export function ahead(source: Source): Source {
  let start = 0;
  let block: Uint8Array = new Uint8Array(0);
  return {
    name: source.name,
    size: source.size,
    read(offset, length) {
      if (length > BLOCK / 2) return source.read(offset, length);
      if (offset < start || offset + length > start + block.length) {
        const size = Math.min(BLOCK, source.size - offset);
        if (!(size >= length)) return source.read(offset, length);
        block = source.read(offset, size);
        start = offset;
      }
      return block.subarray(offset - start, offset - start + length);
    },
  };
}
