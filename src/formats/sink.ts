/**
 * Positioned writes into a file that grows: a synchronous access handle of the browser's private files, a file
 * descriptor of Node, memory in a test. The counterpart of `Source`.
 */
export interface Sink {
  /** Bytes that the file has now. */
  readonly size: number;
  /** Writes all of `bytes` at that offset, or throws. A full disk throws a DOMException named QuotaExceededError. */
  write(offset: number, bytes: Uint8Array): void;
  /** Cuts the file off after so many bytes. */
  truncate(size: number): void;
  /** What was written survives a crash once this has returned. */
  flush(): void;
}
