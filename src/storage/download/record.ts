import * as v from 'valibot';

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const RECORD = v.object({
  version: v.literal(1),
  address: v.string(),
  /** Length of the whole file; null where the host does not say. */
  bytes: v.nullable(size),
  /** What the host said of this version of the file; null where it does not, or a page may not read it. */
  etag: v.nullable(v.string()),
  modified: v.nullable(v.string()),
  /** Bytes of it that are safely on the disk. */
  done: size,
  /** Hex, of the whole file; null until it is there and was checked. */
  sha256: v.nullable(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
  /** Milliseconds since 1970 of its last byte. */
  time: v.number(),
});

/** What is known of a download that is under way, broken off or complete, kept beside its bytes. */
export type DownloadRecord = Readonly<v.InferOutput<typeof RECORD>>;

/** Where a record is kept. A `save` that is cut off leaves the record before it, or none. */
export interface RecordPlace {
  load(): Promise<string | null>;
  save(text: string): Promise<void>;
}

/** null for anything but a whole record: the download then starts anew. */
export function parseRecord(text: string | null): DownloadRecord | null {
  if (text === null) return null;
  try {
    return v.parse(RECORD, JSON.parse(text));
  } catch {
    return null;
  }
}

/** What a host says about a version of a file. */
export type Version = Pick<DownloadRecord, 'bytes' | 'etag' | 'modified'>;

/**
 * Whether two answers may be of the same version, as If-Range would decide: what both know has to be equal. A weak
 * ETag promises nothing about bytes and is not asked.
 */
export function mayBeSame(a: Version, b: Version): boolean {
  const agree = <T>(x: T | null, y: T | null) => x === null || y === null || x === y;
  return agree(a.bytes, b.bytes) && agree(strong(a.etag), strong(b.etag)) && agree(a.modified, b.modified);
}

const strong = (etag: string | null): string | null => (etag?.startsWith('W/') ? null : etag);
