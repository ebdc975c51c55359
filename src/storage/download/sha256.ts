import { createSHA256 } from 'hash-wasm';
import type { Source } from '../../formats/source';

/** Bytes that are read at once. */
const PIECE = 4 * 2 ** 20;

/** A running SHA-256: the platforms' own hash only what is in memory as a whole. */
export interface Hasher {
  restart(): void;
  add(bytes: Uint8Array): void;
  /** Hex; nothing may be added afterwards. */
  digest(): string;
}

export async function createHasher(): Promise<Hasher> {
  const hash = await createSHA256();
  hash.init();
  return {
    restart: () => void hash.init(),
    add: (bytes) => void hash.update(bytes),
    digest: () => hash.digest('hex'),
  };
}

/** Adds the first so many bytes of a file. `onPiece` is told how many were read, and may throw to end it. */
export async function addSource(
  hasher: Hasher,
  source: Source,
  bytes: number,
  onPiece: (done: number) => void | Promise<void>,
): Promise<void> {
  for (let at = 0; at < bytes; ) {
    const piece = source.read(at, Math.min(PIECE, bytes - at));
    hasher.add(piece);
    at += piece.byteLength;
    await onPiece(at);
  }
}
