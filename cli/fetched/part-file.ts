import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { basename } from 'node:path';
import type { Sink } from '../../src/formats/sink';
import { checkRange, type Source } from '../../src/formats/source';
import type { RecordPlace } from '../../src/storage/download/record';
import { writeAtomic } from '../files';
import { readFully } from '../read-fully';

/** A file of the disk that is written and read at once: what there is of a download. */
export class PartFile implements Source, Sink {
  readonly name: string;
  private readonly fd: number;

  constructor(path: string) {
    this.name = basename(path);
    this.fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
  }

  get size(): number {
    return fstatSync(this.fd).size;
  }

  read(offset: number, length: number): Uint8Array {
    checkRange(this, offset, length);
    return readFully(this.fd, offset, length, this.name);
  }

  write(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.byteLength; )
      done += asQuota(() => writeSync(this.fd, bytes, done, bytes.byteLength - done, offset + done));
  }

  truncate(size: number): void {
    ftruncateSync(this.fd, size);
  }

  flush(): void {
    asQuota(() => fsyncSync(this.fd));
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** A full disk, as browsers and downloads (storage/download) call it. */
function asQuota<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOSPC' || code === 'EDQUOT' ? new DOMException(code, 'QuotaExceededError') : error;
  }
}

/** A record of a download as a file, replaced as a whole. */
export const recordFile = (path: string): RecordPlace => ({
  load: async () => (existsSync(path) ? readFileSync(path, 'utf8') : null),
  save: (text) => writeAtomic(path, [Buffer.from(text)]),
});
