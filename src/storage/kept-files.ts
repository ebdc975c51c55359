import * as v from 'valibot';
import { InnateError } from '../lib/errors';
import {
  type Folder,
  freeBytes,
  namesIn,
  openFile,
  privateFolder,
  readFile,
  remove,
  subFolder,
  writeFile,
} from './opfs';
import { TabLocks } from './tab-locks';
import { isFull } from './write-all';

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(1000));

const ABOUT_KEPT = v.object({
  version: v.literal(1),
  /** The name of the file in its address. */
  key: name,
  name,
  bytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  precond: v.nullable(name),
  entry: v.nullable(name),
  sigma: v.nullable(v.pipe(v.number(), v.finite(), v.minValue(0))),
});

/** What was said about a checkpoint when it was opened: it is read in the same way again. */
export type KeptAbout = Readonly<v.InferOutput<typeof ABOUT_KEPT>>;

export interface KeptFile {
  readonly about: KeptAbout;
  /** Its own name is that of the copy. */
  readonly file: File;
}

/** Copied at a time. */
const PIECE = 4 * 2 ** 20;
const ABOUT = 'about.json';
const DATA = 'data';

/** Copies under way, by their folders. Each has its own: none is ever refused. */
const copyLocks = new TabLocks('innate-copy-', 'another tab writes this copy', 'Close that tab first');

/**
 * Checkpoints that a person keeps in this browser: `checkpoints/NAME/data` and, written last, `checkpoints/NAME/about.json`.
 * NAME begins with a number that rises: of two folders with one key the later counts. A folder without a description is a copy
 * under way, by a tab that holds its lock, or one that was broken off.
 */
export class KeptFiles {
  constructor(private readonly open: () => Promise<Folder | null> = () => privateFolder('checkpoints')) {}

  /** What is kept, and names of folders that could not be read. Copies that were broken off are deleted, nothing else is. */
  async list(): Promise<{ files: KeptFile[]; unreadable: string[] }> {
    const root = await this.open();
    const files = new Map<string, KeptFile>();
    const unreadable: string[] = [];
    if (!root) return { files: [], unreadable };
    const names = await foldersOf(root);
    const copied = await copyLocks.held(); // after the names: who makes a folder holds its lock already
    for (const name of names) {
      try {
        const folder = await subFolder(root, name);
        const text = await (await readFile(folder, ABOUT))?.text();
        if (text === undefined) {
          if (copied && !copied.has(name)) await remove(root, name);
          continue;
        }
        const about = parseAbout(text);
        const file = await readFile(folder, DATA);
        if (!file || file.size !== about.bytes) throw new InnateError('bad-file', 'a kept file is damaged');
        files.set(about.key, { about, file });
      } catch {
        unreadable.push(name);
      }
    }
    return { files: [...files.values()], unreadable };
  }

  /**
   * Copies a file; one of the same key is replaced once the copy is whole. Throws an `io` error, with nothing left behind,
   * where the browser has no place for it.
   */
  async keep(
    file: File,
    about: KeptAbout,
    onProgress: (done: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const free = await freeBytes();
    if (free !== null && file.size > free) throw full(about, free);
    try {
      await this.placed(about.key, async (folder) => {
        await writeFile(folder, DATA, pieces(file, onProgress, signal));
        return about;
      });
    } catch (error) {
      throw isFull(error) ? full(about, free) : error;
    }
  }

  /** Keeps a file that `write` makes piece after piece; one of the same key is replaced. */
  async place(
    name: string,
    key: string,
    write: (sink: { write(bytes: Uint8Array): void }) => Promise<unknown>,
  ): Promise<void> {
    await this.placed(key, async (folder) => {
      const file = await openFile(folder, DATA);
      try {
        await write({ write: (bytes) => file.write(file.size, bytes) });
        file.flush();
        return { version: 1, key, name, bytes: file.size, precond: null, entry: null, sigma: null };
      } finally {
        file.close();
      }
    });
  }

  private async placed(key: string, write: (folder: Folder) => Promise<KeptAbout>): Promise<void> {
    const root = await this.open();
    if (!root)
      throw new InnateError('io', 'this browser keeps no files', {
        where: key,
        hint: 'Private windows and blocked site data prevent it; open the file again next time',
      });
    const before = await foldersOf(root);
    // The second half keeps two tabs apart that copy at once.
    const name = `${numberOf(before.at(-1) ?? '0') + 1}-${crypto.randomUUID().slice(0, 8)}`;
    await copyLocks.hold(name, async () => {
      const folder = await subFolder(root, name);
      try {
        await this.write(folder, await write(folder));
      } catch (error) {
        await remove(root, name);
        throw error;
      }
    });
    await drop(root, key, before);
  }

  /** What is said about a kept file, anew; does nothing where it is not kept. */
  async describe(about: KeptAbout): Promise<void> {
    const root = await this.open();
    const newest = root && (await find(root, about.key, await foldersOf(root))).at(-1);
    if (newest) await this.write(await subFolder(root, newest), about);
  }

  async drop(key: string): Promise<void> {
    const root = await this.open();
    if (root) await drop(root, key, await foldersOf(root));
  }

  private async write(folder: Folder, about: KeptAbout): Promise<void> {
    await writeFile(folder, ABOUT, [new TextEncoder().encode(JSON.stringify(about))]);
  }
}

const numberOf = (name: string): number => Number.parseInt(name, 10) || 0;

/** Names of the folders, the oldest first. */
const foldersOf = async (root: Folder): Promise<string[]> =>
  (await namesIn(root)).sort((a, b) => numberOf(a) - numberOf(b));

/** Those of the folders that hold the file of that key. */
async function find(root: Folder, key: string, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) {
    const folder = await subFolder(root, name);
    const text = await (await readFile(folder, ABOUT).catch(() => null))?.text();
    if (text !== undefined && keyOf(text) === key) found.push(name);
  }
  return found;
}

async function drop(root: Folder, key: string, names: readonly string[]): Promise<void> {
  for (const name of await find(root, key, names)) await remove(root, name);
}

async function* pieces(file: File, onProgress: (done: number) => void, signal: AbortSignal) {
  for (let at = 0; at < file.size; at += PIECE) {
    if (signal.aborted) throw new InnateError('cancelled', 'cancelled');
    yield new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer());
    onProgress(Math.min(file.size, at + PIECE));
  }
}

function keyOf(text: string): string | null {
  try {
    return parseAbout(text).key;
  } catch {
    return null;
  }
}

/** Throws a `bad-file` error on anything but what `keep` writes. */
export function parseAbout(text: string): KeptAbout {
  try {
    return v.parse(ABOUT_KEPT, JSON.parse(text));
  } catch (error) {
    throw new InnateError('bad-file', 'the description of a kept file is damaged', {}, error);
  }
}

const full = (about: KeptAbout, free: number | null) =>
  new InnateError('io', 'this browser has no room for the file', {
    where: about.name,
    expected: `${Math.ceil(about.bytes / 1e6)} MB`,
    ...(free !== null && { found: `${Math.floor(free / 1e6)} MB free` }),
    hint: 'Delete saved runs or kept files, or open the file again next time',
  });
