import type { Sink } from '../../formats/sink';
import type { Source } from '../../formats/source';
import { type DownloadRecord, mayBeSame, parseRecord, type RecordPlace, type Version } from './record';
import { addSource, type Hasher } from './sha256';

/** Bytes and milliseconds after which what came is made safe. */
const SAVE_BYTES = 32 * 2 ** 20;
const SAVE_MS = 5000;

interface PartOptions {
  address: string;
  /** Expected length; null where nobody knows it. */
  bytes: number | null;
  file: Source & Sink;
  record: RecordPlace;
  hasher: Hasher;
  now(): number;
}

/** The host sent other bytes than those that are there: the file has changed. */
export class OtherBytes extends Error {}

/** More bytes came than the file may have. */
export class TooLong extends Error {}

/** What is there of a file: its bytes, their running checksum, and the record beside them. */
export class Part {
  /** Bytes that are there and added to the checksum. */
  done = 0;
  version: Version;
  /** A record says that the host has answered before. */
  recorded = false;
  private saved = { done: 0, time: 0 };

  constructor(private readonly options: PartOptions) {
    this.version = { bytes: options.bytes, etag: null, modified: null };
  }

  /** Takes up what an earlier call left, where it fits; its SHA-256 where that was a whole file. */
  async recall(onPiece: (done: number, total: number) => Promise<void>): Promise<string | null> {
    const { file, address, hasher } = this.options;
    const record = parseRecord(await this.options.record.load());
    if (record?.address !== address || record.done > file.size || !mayBeSame(record, this.version)) {
      file.truncate(0);
      return null;
    }
    const { bytes, etag, modified } = record;
    this.version = { bytes: bytes ?? this.version.bytes, etag, modified };
    this.recorded = true;
    file.truncate(record.done);
    if (record.sha256 === null) await addSource(hasher, file, record.done, (at) => onPiece(at, record.done));
    this.done = record.done;
    this.saved = { done: this.done, time: this.options.now() };
    return record.sha256;
  }

  get whole(): boolean {
    return this.done > 0 && this.done === this.version.bytes;
  }

  /** What the host says of its file; a length that is known stays known. */
  learn(version: Version): void {
    this.version = { ...version, bytes: version.bytes ?? this.version.bytes };
  }

  /** Takes bytes that begin at offset `at`; those that are there already have to be equal. */
  put(bytes: Uint8Array, at: number): void {
    const { file, hasher, bytes: expected } = this.options;
    const again = Math.min(bytes.byteLength, this.done - at);
    if (again > 0 && !equal(file.read(at, again), bytes.subarray(0, again))) throw new OtherBytes();
    const fresh = bytes.subarray(Math.max(0, again));
    const end = this.done + fresh.byteLength;
    if (expected !== null && end > expected) throw new TooLong();
    // A compressed answer is longer than it says: its length is not known then.
    if (this.version.bytes !== null && end > this.version.bytes)
      this.version = { ...this.version, bytes: null };
    file.write(this.done, fresh);
    hasher.add(fresh);
    this.done = end;
  }

  /** What is there is of no use. */
  drop(): void {
    const { file, hasher, bytes } = this.options;
    file.truncate(0);
    hasher.restart();
    this.done = 0;
    this.saved = { done: 0, time: this.options.now() };
    this.version = { bytes, etag: null, modified: null };
  }

  async keepNowAndThen(): Promise<void> {
    const { done, time } = this.saved;
    if (this.done - done >= SAVE_BYTES || this.options.now() - time >= SAVE_MS) await this.keep();
  }

  async keepWhatCame(): Promise<void> {
    if (this.done > this.saved.done) await this.keep();
  }

  /** Makes what came safe, and notes it. `sha256`: of the whole file, once it is there. */
  async keep(sha256: string | null = null): Promise<void> {
    const { file, address, record, now } = this.options;
    file.flush();
    const time = now();
    const about: DownloadRecord = { version: 1, address, ...this.version, done: this.done, sha256, time };
    await record.save(JSON.stringify(about));
    this.saved = { done: this.done, time };
  }
}

const equal = (a: Uint8Array, b: Uint8Array): boolean =>
  a.byteLength === b.byteLength && a.every((value, i) => value === b[i]);
