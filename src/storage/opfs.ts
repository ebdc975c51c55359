import type { Sink } from '../formats/sink';
import { blobSource, checkRange, type Source } from '../formats/source';
import { InnateError } from '../lib/errors';
import type { SlotPlaces } from './slots';
import { isFull, writeAll } from './write-all';

/** Folders and files of the origin's private file system. Only in a worker: writes need synchronous handles. */
export type Folder = FileSystemDirectoryHandle;

/** The folder of that path, made where it is missing; null where the browser has no private files. */
export async function privateFolder(...path: string[]): Promise<Folder | null> {
  const { storage } = navigator;
  if (typeof storage?.getDirectory !== 'function' || typeof FileSystemFileHandle === 'undefined') return null;
  if (!('createSyncAccessHandle' in FileSystemFileHandle.prototype)) return null;
  try {
    let folder = await storage.getDirectory();
    for (const name of path) folder = await folder.getDirectoryHandle(name, { create: true });
    return folder;
  } catch {
    return null; // forbidden: a private window, blocked site data
  }
}

export const subFolder = (folder: Folder, name: string): Promise<Folder> =>
  folder.getDirectoryHandle(name, { create: true });

/** Names in a folder, in no order. */
export async function namesIn(folder: Folder): Promise<string[]> {
  const names: string[] = [];
  for await (const name of (folder as unknown as { keys(): AsyncIterable<string> }).keys()) names.push(name);
  return names;
}

/** null where there is none. */
export async function readFile(folder: Folder, name: string): Promise<File | null> {
  try {
    return await (await folder.getFileHandle(name)).getFile();
  } catch (error) {
    if ((error as DOMException).name === 'NotFoundError') return null;
    throw unreadable(name, error);
  }
}

/** Resolves with the bytes written. A file that could not be written whole is removed. */
export async function writeFile(
  folder: Folder,
  name: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<number> {
  const handle = await openSync(folder, name);
  let at = 0;
  try {
    handle.truncate(0);
    for await (const piece of pieces) {
      writeAll(handle, piece, at);
      at += piece.byteLength;
    }
    handle.flush();
  } catch (error) {
    handle.close();
    await remove(folder, name);
    throw error;
  }
  handle.close();
  return at;
}

/** A file that is read and written at any place; nobody else may have it open meanwhile. */
export interface OpenFile extends Source, Sink {
  close(): void;
}

/** Opens a file, and makes it where there is none. */
export async function openFile(folder: Folder, name: string): Promise<OpenFile> {
  const handle = await openSync(folder, name);
  const file: OpenFile = {
    name,
    get size() {
      return handle.getSize();
    },
    read(offset, length) {
      checkRange(file, offset, length);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const count = handle.read(bytes.subarray(done), { at: offset + done });
        if (count <= 0) throw unreadable(name, new Error('the file became shorter while it was read'));
        done += count;
      }
      return bytes;
    },
    write: (offset, bytes) => writeAll(handle, bytes, offset),
    truncate: (size) => handle.truncate(size),
    flush: () => handle.flush(),
    close: () => handle.close(),
  };
  return file;
}

/** A file or a folder with all that is in it; does nothing where there is none. */
export async function remove(folder: Folder, name: string): Promise<void> {
  await folder.removeEntry(name, { recursive: true }).catch((error: DOMException) => {
    if (error.name !== 'NotFoundError') throw error;
  });
}

/** All files in a folder and below it, by their paths; what cannot be reached is left out. */
export async function* filesIn(folder: Folder, path = ''): AsyncGenerator<[path: string, file: File]> {
  for await (const entry of (folder as unknown as { values(): AsyncIterable<FileSystemHandle> }).values()) {
    if (entry.kind === 'directory')
      yield* filesIn(entry as FileSystemDirectoryHandle, `${path}${entry.name}/`);
    else {
      const file = await (entry as FileSystemFileHandle).getFile().catch(() => null);
      if (file) yield [path + entry.name, file];
    }
  }
}

/** Bytes of all files in a folder and below it. */
export async function bytesIn(folder: Folder): Promise<number> {
  let bytes = 0;
  for await (const [, file] of filesIn(folder)) bytes += file.size;
  return bytes;
}

/** `NAME.0` and `NAME.1` of a folder as a pair of slots. */
export const slotPlaces = (folder: Folder, name: string): SlotPlaces => ({
  open: async (index) => openSync(folder, `${name}.${index}`),
  async read(index) {
    const file = await readFile(folder, `${name}.${index}`);
    return file && blobSource(file, `${name}.${index}`);
  },
});

/** Bytes that may still be written; null where the browser does not say. */
export async function freeBytes(): Promise<number | null> {
  try {
    const { quota, usage } = await navigator.storage.estimate();
    return quota === undefined || usage === undefined ? null : Math.max(0, quota - usage);
  } catch {
    return null;
  }
}

async function openSync(folder: Folder, name: string): Promise<FileSystemSyncAccessHandle> {
  const file = await folder.getFileHandle(name, { create: true });
  try {
    return await file.createSyncAccessHandle();
  } catch (error) {
    if (isFull(error)) throw error;
    throw new InnateError(
      'io',
      'a file of this page is being written by another tab',
      { where: name, hint: 'Close the other tab' },
      error,
    );
  }
}

const unreadable = (name: string, error: unknown) =>
  new InnateError(
    'io',
    'a saved file could not be read',
    { where: name, hint: 'Reload the page; if it stays, delete the run' },
    error,
  );
