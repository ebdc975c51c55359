import * as v from 'valibot';
import { InnateError } from '../lib/errors';
import {
  type Folder,
  freeBytes,
  isFull,
  namesIn,
  openFile,
  privateFolder,
  readFile,
  remove,
  subFolder,
  writeFile,
} from './opfs';

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

/**
 * Checkpoints that a person keeps in this browser: `checkpoints/N/data` and, written last, `checkpoints/N/about.json`.
 * A folder without the latter is a copy that was broken off.
 */
export class KeptFiles {
  constructor(private readonly open: () => Promise<Folder | null> = () => privateFolder('checkpoints')) {}

  /** What is kept, and names of folders that could not be read; nothing is deleted. */
  async list(): Promise<{ files: KeptFile[]; unreadable: string[] }> {
    const root = await this.open();
    const files: KeptFile[] = [];
    const unreadable: string[] = [];
    if (!root) return { files, unreadable };
    for (const name of (await namesIn(root)).sort((a, b) => Number(a) - Number(b))) {
      try {
        const folder = await subFolder(root, name);
        const text = await (await readFile(folder, ABOUT))?.text();
        if (text === undefined) continue;
        const about = parseAbout(text);
        const file = await readFile(folder, DATA);
        if (!file || file.size !== about.bytes) throw new InnateError('bad-file', 'a kept file is damaged');
        files.push({ about, file });
      } catch {
        unreadable.push(name);
      }
    }
    return { files, unreadable };
  }

  /**
   * Copies a file; one of the same key is replaced. Throws an `io` error, with nothing left behind, where the browser
   * has no place for it.
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
    await this.drop(key);
    const used = (await namesIn(root)).map(Number).filter(Number.isInteger);
    const name = String(Math.max(0, ...used) + 1);
    const folder = await subFolder(root, name);
    try {
      await this.write(folder, await write(folder));
    } catch (error) {
      await remove(root, name);
      throw error;
    }
  }

  /** What is said about a kept file, anew; does nothing where it is not kept. */
  async describe(about: KeptAbout): Promise<void> {
    const folder = await this.find(about.key);
    if (folder) await this.write(folder.folder, about);
  }

  async drop(key: string): Promise<void> {
    const root = await this.open();
    const found = await this.find(key);
    if (root && found) await remove(root, found.name);
  }

  private async find(key: string): Promise<{ folder: Folder; name: string } | null> {
    const root = await this.open();
    if (!root) return null;
    for (const name of await namesIn(root)) {
      const folder = await subFolder(root, name);
      const text = await (await readFile(folder, ABOUT).catch(() => null))?.text();
      if (text !== undefined && keyOf(text) === key) return { folder, name };
    }
    return null;
  }

  private async write(folder: Folder, about: KeptAbout): Promise<void> {
    await writeFile(folder, ABOUT, [new TextEncoder().encode(JSON.stringify(about))]);
  }
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
