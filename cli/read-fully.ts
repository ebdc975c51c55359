import { readSync } from 'node:fs';
import { InnateError } from '../src/lib/errors';

/**
 * Bytes of an open file, all that were asked for: the system may give fewer at a time. Throws an `io` error that names
 * `where` when the file ends before them, which it did not when its size was asked.
 */
export function readFully(
  fd: number,
  offset: number,
  length: number,
  where: string,
  read: typeof readSync = readSync,
): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const count = read(fd, bytes, done, length - done, offset + done);
    if (count === 0)
      throw new InnateError('io', 'the file became shorter while it was read', {
        where,
        expected: `${length} bytes from byte ${offset}`,
        found: String(done),
        hint: 'Wait until nothing writes to it, then open it again',
      });
    done += count;
  }
  return bytes;
}
