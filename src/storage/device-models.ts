import * as v from 'valibot';
import { InnateError } from '../lib/errors';
import { loadPart } from '../lib/load-part';
import type { Hasher } from './download/sha256';
import {
  type Folder,
  namesIn,
  openFile,
  privateFolder,
  readFile,
  remove,
  subFolder,
  writeFile,
} from './opfs';

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const ABOUT = v.object({
  version: v.literal(1),
  id: v.string(),
  /** Where it came from, as it was there. */
  address: v.string(),
  source: v.object({ name: v.string(), bytes: size, sha256 }),
  /**
   * As it lies here; `head` is the SHA-256 of its first bytes, where names, shapes and its source stand; `modified` the
   * file's own date when all of it was last read and had that checksum.
   */
  file: v.object({ bytes: size, sha256, head: sha256, modified: v.nullable(v.number()) }),
  /** Milliseconds since 1970. */
  time: v.number(),
});

/** What is known of a public model that was downloaded. */
export type DeviceModel = Readonly<v.InferOutput<typeof ABOUT>>;

const DATA = 'model.safetensors';
const ABOUT_FILE = 'about.json';
/** Bytes at the beginning of a file that are compared whenever it is opened. */
const HEAD = 1 << 20;
/** Bytes that are read at once. */
const PIECE = 4 << 20;

interface FindOptions {
  whole?: boolean;
  onPiece?: (done: number, total: number) => void;
}

/** Name of a folder for an id, which may hold any character. */
export const folderName = (id: string): string => encodeURIComponent(id).replace(/\./g, '%2E');

/**
 * Public models of the catalogue on this device: `models/ID/model.safetensors` and, written last, `about.json`. A folder
 * without the latter is a conversion that was broken off.
 */
export class DeviceModels {
  constructor(private readonly open: () => Promise<Folder | null> = () => privateFolder('models')) {}

  /** All that are whole, and sentences about what is not. A conversion that was broken off is begun anew by its download. */
  async list(): Promise<{ models: DeviceModel[]; problems: string[] }> {
    const root = await this.open();
    const models: DeviceModel[] = [];
    const problems: string[] = [];
    for (const name of root ? await namesIn(root) : []) {
      const folder = await subFolder(root!, name);
      const about = await aboutIn(folder);
      const file = await readFile(folder, DATA).catch(() => null);
      if (about && file?.size === about.file.bytes) models.push(about);
      else if (about) problems.push(`The file of ${about.id} on this device is damaged: download it again.`);
    }
    return { models, problems };
  }

  /**
   * A model's file; null where it is not here. Throws `bad-file` where it is not what was put here: its length and first
   * bytes are compared every time, all of it where its date is another than when it was last read whole, or where
   * `whole` asks for that. `onPiece` is told of bytes read for it, and may throw to end it.
   */
  async find(
    id: string,
    { whole = false, onPiece = () => {} }: FindOptions = {},
  ): Promise<{ about: DeviceModel; file: File } | null> {
    const root = await this.open();
    if (!root || !(await namesIn(root)).includes(folderName(id))) return null;
    const folder = await subFolder(root, folderName(id));
    const about = await aboutIn(folder);
    const file = await readFile(folder, DATA);
    if (!about || !file) return null;
    const damaged = (expected: string, found: string) =>
      new InnateError('bad-file', 'the downloaded model is damaged', {
        where: id,
        expected,
        found,
        hint: 'Delete it in Models and download it again',
      });
    if (file.size !== about.file.bytes) throw damaged(`${about.file.bytes} bytes`, `${file.size}`);
    const head = await hashOf(new Uint8Array(await file.slice(0, HEAD).arrayBuffer()));
    if (head !== about.file.head || about.id !== id) throw damaged(`sha256 ${about.file.head}`, head);
    if (!whole && file.lastModified === about.file.modified) return { about, file };
    const found = await hashOfFile(file, (done) => onPiece(done, file.size));
    if (found !== about.file.sha256) throw damaged(`sha256 ${about.file.sha256}`, found);
    const checked = { ...about, file: { ...about.file, modified: file.lastModified } };
    // Where that cannot be noted, it is read once more the next time.
    await writeAbout(folder, checked).catch(() => {});
    return { about: checked, file };
  }

  /** Writes a model: `write` is given where its bytes go. One of the same id is replaced. */
  async put(
    about: Pick<DeviceModel, 'id' | 'address' | 'source'>,
    hasher: Hasher,
    write: (sink: { write(bytes: Uint8Array): void }) => Promise<unknown>,
  ): Promise<DeviceModel> {
    const root = await this.open();
    if (!root) throw new InnateError('io', 'this browser keeps no files', { where: about.id });
    const name = folderName(about.id);
    await remove(root, name);
    const folder = await subFolder(root, name);
    try {
      const file = await writeHashed(folder, hasher, write);
      const modified = (await readFile(folder, DATA))?.lastModified ?? null;
      const whole: DeviceModel = { version: 1, ...about, file: { ...file, modified }, time: Date.now() };
      await writeAbout(folder, whole);
      return whole;
    } catch (error) {
      await remove(root, name);
      throw error;
    }
  }

  async remove(id: string): Promise<void> {
    const root = await this.open();
    if (root) await remove(root, folderName(id));
  }
}

async function writeHashed(
  folder: Folder,
  hasher: Hasher,
  write: (sink: { write(bytes: Uint8Array): void }) => Promise<unknown>,
): Promise<Omit<DeviceModel['file'], 'modified'>> {
  const file = await openFile(folder, DATA);
  try {
    file.truncate(0);
    await write({
      write(bytes) {
        file.write(file.size, bytes);
        hasher.add(bytes);
      },
    });
    file.flush();
    const sha256 = hasher.digest();
    hasher.restart();
    for (let at = 0; at < file.size; at += PIECE) hasher.add(file.read(at, Math.min(PIECE, file.size - at)));
    if (hasher.digest() !== sha256)
      throw new InnateError('io', 'the disk gives back other bytes than were written', {
        hint: 'Make room on this disk or look after it, and try again',
      });
    const head = await hashOf(file.read(0, Math.min(HEAD, file.size)));
    return { bytes: file.size, sha256, head };
  } finally {
    file.close();
  }
}

const writeAbout = (folder: Folder, about: DeviceModel): Promise<unknown> =>
  writeFile(folder, ABOUT_FILE, [new TextEncoder().encode(JSON.stringify(about))]);

async function hashOfFile(file: Blob, onPiece: (done: number) => void): Promise<string> {
  const { createHasher } = await loadPart(import('./download/sha256'));
  const hasher = await createHasher();
  for (let at = 0; at < file.size; at += PIECE) {
    hasher.add(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()));
    onPiece(Math.min(file.size, at + PIECE));
  }
  return hasher.digest();
}

async function aboutIn(folder: Folder): Promise<DeviceModel | null> {
  try {
    return v.parse(ABOUT, JSON.parse((await (await readFile(folder, ABOUT_FILE))!.text()) as string));
  } catch {
    return null;
  }
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
