import { crc32 } from '../formats/crc32';
import { type Source, subSource } from '../formats/source';
import { type WritableHandle, writeAll } from './write-all';

/**
 * Two files that take turns, so that a write that is cut off anywhere leaves the other one whole. A slot is a header
 * of 32 bytes and a payload; the header is cleared first and written last:
 *
 *   0  "INNSLOT1"
 *   8  float64 sequence number, the higher one is newer
 *  16  float64 length of the payload
 *  24  uint32 CRC-32 of the payload
 *  28  uint32 CRC-32 of the 28 bytes before
 */
export const SLOT_HEADER = 32;
const MAGIC = new TextEncoder().encode('INNSLOT1');
/** Bytes that are checked at once. */
const PIECE = 1 << 20;

/** A file under synchronous random access: a FileSystemSyncAccessHandle, or a test's own. */
export interface SlotFile extends WritableHandle {
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

export interface SlotPlaces {
  /** Opens slot 0 or 1 for writing; makes it where there is none. */
  open(index: 0 | 1): Promise<SlotFile>;
  /** null where there is none. */
  read(index: 0 | 1): Promise<Source | null>;
}

interface Slot {
  index: 0 | 1;
  sequence: number;
  payload: Source;
}

/** Two slots that are written in turns: a write that is cut off leaves the one before it whole. */
export class SlotPair {
  /** The slot that holds the newest whole payload; undefined before it was looked for. */
  private newest: Pick<Slot, 'index' | 'sequence'> | null | undefined;

  constructor(private readonly places: SlotPlaces) {}

  /** The newest payload that is whole, or the one before it; null where there is none. */
  async load(which: 'newest' | 'before' = 'newest'): Promise<Source | null> {
    const slots = (await Promise.all([this.slot(0), this.slot(1)])).filter((s) => s !== null);
    slots.sort((a, b) => b.sequence - a.sequence);
    this.newest = slots[0] ?? null;
    return slots[which === 'newest' ? 0 : 1]?.payload ?? null;
  }

  /** Replaces the older slot. Resolves with the bytes written; on failure the newer slot is as it was. */
  async save(payload: Iterable<Uint8Array>): Promise<number> {
    if (this.newest === undefined) await this.load();
    const index = this.newest?.index === 0 ? 1 : 0;
    const sequence = (this.newest?.sequence ?? 0) + 1;
    const file = await this.places.open(index);
    try {
      const bytes = writeSlot(file, sequence, payload);
      this.newest = { index, sequence };
      return bytes;
    } finally {
      file.close();
    }
  }

  private async slot(index: 0 | 1): Promise<Slot | null> {
    const source = await this.places.read(index);
    const found = source && readSlot(source);
    return found ? { index, ...found } : null;
  }
}

function writeSlot(file: SlotFile, sequence: number, payload: Iterable<Uint8Array>): number {
  writeAll(file, new Uint8Array(SLOT_HEADER), 0); // from here on this slot is none
  file.flush();
  let at = SLOT_HEADER;
  let checksum = 0;
  for (const piece of payload) {
    writeAll(file, piece, at);
    checksum = crc32(piece, checksum);
    at += piece.byteLength;
  }
  file.truncate(at);
  file.flush();
  const header = new Uint8Array(SLOT_HEADER);
  header.set(MAGIC);
  const d = new DataView(header.buffer);
  d.setFloat64(8, sequence);
  d.setFloat64(16, at - SLOT_HEADER);
  d.setUint32(24, checksum);
  d.setUint32(28, crc32(header.subarray(0, 28)));
  writeAll(file, header, 0);
  file.flush();
  return at;
}

/** Sequence and payload of a whole slot; null for anything else. */
function readSlot(source: Source): { sequence: number; payload: Source } | null {
  if (source.size < SLOT_HEADER) return null;
  const header = source.read(0, SLOT_HEADER);
  const d = new DataView(header.buffer, header.byteOffset, SLOT_HEADER);
  if (!MAGIC.every((b, i) => header[i] === b) || d.getUint32(28) !== crc32(header.subarray(0, 28)))
    return null;
  const length = d.getFloat64(16);
  if (source.size !== SLOT_HEADER + length) return null;
  let checksum = 0;
  for (let at = SLOT_HEADER; at < source.size; at += PIECE)
    checksum = crc32(source.read(at, Math.min(PIECE, source.size - at)), checksum);
  if (checksum !== d.getUint32(24)) return null;
  return { sequence: d.getFloat64(8), payload: subSource(source, SLOT_HEADER, length) };
}
