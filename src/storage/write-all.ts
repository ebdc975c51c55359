/** What a file is written through: a FileSystemSyncAccessHandle, or a test's own. Gives how many bytes it took. */
export interface WritableHandle {
  write(bytes: Uint8Array<ArrayBuffer>, options: { at: number }): number;
  /** Bytes that the file has now. */
  getSize(): number;
}

/**
 * Writes all of `bytes` at the byte `at`. A handle may take only a part of them: then it is asked again, and a disk that takes
 * no more is the error that browsers have for it, as `isFull` knows it. Where the room ends while it writes, Chromium may
 * count bytes that it did not keep: the file is then shorter than it should be.
 */
export function writeAll(file: WritableHandle, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.byteLength; ) {
    const count = file.write(bytes.subarray(done) as Uint8Array<ArrayBuffer>, { at: at + done });
    if (count <= 0) throw full();
    done += count;
  }
  if (file.getSize() < at + bytes.byteLength) throw full();
}

const full = () => new DOMException('the disk took no more bytes', 'QuotaExceededError');

/** Whether a write failed for lack of room. */
export const isFull = (error: unknown): boolean =>
  error instanceof DOMException && error.name === 'QuotaExceededError';
