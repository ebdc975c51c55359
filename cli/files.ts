import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Output } from '../src/engine/models/convert-stream';
import { checkRange, type Source } from '../src/formats/source';
import { InnateError } from '../src/lib/errors';
import { removeWhenInterrupted } from './interrupt';
import { readFully } from './read-fully';

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
      return readFully(fd, offset, length, path);
    },
  };
  return source;
}

const errorCode = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/** Reads 16 MiB at a time: a teacher may be larger than memory allows to hold. */
export function sha256OfFile(path: string): string {
  const source = fileSource(path);
  const hash = createHash('sha256');
  const step = 2 ** 24;
  for (let at = 0; at < source.size; at += step)
    hash.update(source.read(at, Math.min(step, source.size - at)));
  return hash.digest('hex');
}

/** Writes the pieces as `writeAtomicFrom` writes. */
export const writeAtomic = (path: string, pieces: Iterable<Uint8Array>): Promise<void> =>
  writeAtomicFrom(path, async (output) => {
    for (const piece of pieces) await output.write(piece);
  });

/**
 * What `work` writes goes into a temporary file beside `path`, which is renamed when it is on the disk: the file is
 * there whole or not at all, whatever happens, Ctrl-C and power failure included. Signals are heard between the writes.
 */
export async function writeAtomicFrom<T>(path: string, work: (output: Output) => Promise<T>): Promise<T> {
  const folder = dirname(path);
  return staged(join(folder, `.${basename(path)}.${process.pid}.tmp`), path, async (temporary) => {
    const result = await writeWhole(temporary, work);
    renameSync(temporary, path);
    await syncFolder(folder);
    return result;
  });
}

/**
 * Fills a folder with files, all or none of them: every file is on the disk under a temporary name before the first
 * one takes its place. Where one cannot, those that did are taken back and what they replaced is put back. Files of
 * other names that the folder already has stay.
 */
export async function writeFolderAtomic(
  path: string,
  files: Iterable<readonly [name: string, bytes: Uint8Array]>,
): Promise<void> {
  const target = path.replace(/(?<=.)\/+$/, '');
  const exists = existsSync(target);
  const folder = exists ? target : dirname(target); // renames stay on one disk, wherever a folder is mounted
  await staged(join(folder, `.${basename(target)}.${process.pid}.tmp`), target, async (temporary) => {
    mkdirSync(temporary);
    const written: string[] = [];
    for (const [name, bytes] of files) {
      await writeFile(join(temporary, name), bytes);
      written.push(join(temporary, name));
    }
    // Together: one commit of the disk's journal serves many files.
    for (let i = 0; i < written.length; i += 64) await Promise.all(written.slice(i, i + 64).map(syncFile));
    await syncFolder(temporary);
    if (exists) moveAll(temporary, target);
    else renameSync(temporary, target);
    await syncFolder(folder);
  });
}

/**
 * Moves every file of a folder into another one, or none. It does not give way to anything else meanwhile, a signal
 * included.
 */
function moveAll(from: string, to: string): void {
  const replaced = join(from, '.replaced');
  const names = readdirSync(from);
  mkdirSync(replaced);
  const undo: (() => void)[] = [];
  const move = (source: string, place: string) => {
    renameSync(source, place);
    undo.push(() => renameSync(place, source));
  };
  try {
    for (const name of names) {
      const place = join(to, name);
      if (existsSync(place)) {
        if (!statSync(place).isFile())
          throw new InnateError('io', 'there is something else of this name', {
            where: place,
            expected: 'a file, or nothing',
            found: 'a folder',
          });
        move(place, join(replaced, name));
      }
      move(join(from, name), place);
    }
  } catch (error) {
    for (const step of undo.reverse()) step();
    throw error;
  }
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

/** Removes `temporary` however `work` ends. */
async function staged<T>(
  temporary: string,
  path: string,
  work: (temporary: string) => Promise<T>,
): Promise<T> {
  const settled = removeWhenInterrupted(temporary);
  try {
    return await work(temporary);
  } catch (error) {
    throw error instanceof InnateError ? error : ioError(path, error);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
    settled();
  }
}

/** Resolves when every byte that `work` writes is on the disk. */
async function writeWhole<T>(path: string, work: (output: Output) => Promise<T>): Promise<T> {
  const file = await open(path, 'w');
  try {
    const result = await work({
      async write(bytes) {
        for (let done = 0; done < bytes.byteLength; )
          done += (await file.write(bytes, done, bytes.byteLength - done)).bytesWritten;
      },
    });
    await file.sync();
    return result;
  } finally {
    await file.close();
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.sync().finally(() => file.close());
}

/** Makes the names in a folder last; where the system cannot do that, they last as long as it does. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path || '.', 'r');
    await folder.sync().finally(() => folder.close());
  } catch {
    // Windows opens no folders.
  }
}
