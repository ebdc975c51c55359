import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { checkRange, type Source } from '../src/formats/source';
import { InnateError } from '../src/lib/errors';

/** Random access to a file on disk; the descriptor stays open until the process ends. */
export function fileSource(path: string): Source {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new InnateError(
      'not-found',
      'cannot open the file',
      { where: path, found: errorCode(error) },
      error,
    );
  }
  const stat = fstatSync(fd);
  if (!stat.isFile()) {
    closeSync(fd);
    throw new InnateError('bad-argument', 'not a file', { where: path, expected: 'a checkpoint file' });
  }
  const source: Source = {
    name: basename(path),
    size: stat.size,
    read(offset, length) {
      checkRange(source, offset, length);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const n = readSync(fd, bytes, done, length - done, offset + done);
        if (n === 0)
          throw new InnateError('io', 'the file became shorter while it was read', { where: path });
        done += n;
      }
      return bytes;
    },
  };
  return source;
}

const errorCode = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/**
 * Writes through `write` into a temporary file beside `path` and renames it: the file is there whole or not
 * at all, whatever happens, Ctrl-C included.
 */
export function writeAtomic(path: string, chunks: Iterable<Uint8Array>): void {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  cleaningUp(temporary, () => {
    try {
      const fd = openSync(temporary, 'w');
      try {
        for (const chunk of chunks)
          for (let done = 0; done < chunk.byteLength; )
            done += writeSync(fd, chunk, done, chunk.byteLength - done);
      } finally {
        closeSync(fd);
      }
      renameSync(temporary, path);
    } catch (error) {
      throw error instanceof InnateError ? error : ioError(path, error);
    }
  });
}

/**
 * Fills a folder with files, all or none of them: `write` fills a temporary folder beside it, whose files then
 * move. Files of other names that the folder already has stay.
 */
export function writeFolderAtomic(path: string, write: (folder: string) => void): void {
  const target = path.replace(/\/+$/, '');
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  cleaningUp(temporary, () => {
    try {
      mkdirSync(temporary);
      write(temporary);
      if (!existsSync(target)) renameSync(temporary, target);
      else for (const file of readdirSync(temporary)) renameSync(join(temporary, file), join(target, file));
    } catch (error) {
      throw error instanceof InnateError ? error : ioError(path, error);
    }
  });
}

/** Fails before any work is done when the output could not be written. */
export function checkWritable(path: string): void {
  const folder = dirname(path.replace(/\/+$/, ''));
  if (!existsSync(folder))
    throw new InnateError('bad-argument', 'no folder for the output', {
      where: path,
      expected: `a folder ${folder}`,
    });
}

function ioError(path: string, error: unknown): InnateError {
  return new InnateError('io', 'cannot write the file', { where: path, found: errorCode(error) }, error);
}

/** Removes `temporary` however `work` ends; signals arrive after synchronous work, and find nothing left. */
function cleaningUp(temporary: string, work: () => void): void {
  const onSignal = () => {
    rmSync(temporary, { recursive: true, force: true });
    process.exit(130);
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    work();
  } finally {
    rmSync(temporary, { recursive: true, force: true });
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
