import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import * as v from 'valibot';
import type { Converted, Output } from '../../src/engine/models/convert-stream';
import { asInnateError, InnateError } from '../../src/lib/errors';
import { writeAtomic, writeAtomicFrom } from '../files';

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const ABOUT = v.object({
  version: v.literal(1),
  id: v.string(),
  bytes: size,
  sha256,
  /** The file that it was made of: where it came from (null: given by hand), and what it was. */
  source: v.object({ address: v.nullable(v.string()), name: v.string(), bytes: size, sha256 }),
  /** ISO 8601. */
  fetched: v.string(),
});

/** A model of the catalogue that was fetched. */
export type FetchedModel = Readonly<v.InferOutput<typeof ABOUT>> & { readonly path: string };

/**
 * The user's folder of fetched models: $INNATE_CACHE/models, else models below `innate` in $XDG_CACHE_HOME or ~/.cache.
 * It is a cache, and not data, as it is for the hubs of PyTorch and Hugging Face: every file in it can be had again, and
 * whoever clears caches to make room, or leaves them out of a backup, means such files first.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.INNATE_CACHE) return join(env.INNATE_CACHE, 'models');
  // The specification of XDG has relative paths ignored.
  const base = env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME) ? env.XDG_CACHE_HOME : null;
  return join(base ?? join(homedir(), '.cache'), 'innate', 'models');
}

/**
 * Fetched models in a folder: ID.safetensors, and ID.json, which is written last and says what the former has to be.
 * While one is on its way, ID.part and ID.part.json hold what came so far, and ID.lock says who fetches.
 */
export class FetchedModels {
  constructor(readonly folder = cacheFolder()) {}

  path(id: string): string {
    return this.file(id, 'safetensors');
  }

  file(id: string, ending: 'safetensors' | 'json' | 'part' | 'part.json' | 'lock'): string {
    if (!/^\w[\w.+-]*$/.test(id))
      throw new InnateError('bad-argument', 'this id cannot be the name of a file', { where: id });
    return join(this.folder, `${id}.${ending}`);
  }

  /** null where it was not fetched; a `bad-file` error that names the file where it is damaged. */
  find(id: string): FetchedModel | null {
    const about = this.file(id, 'json');
    if (!existsSync(about)) return null;
    const path = this.path(id);
    const damaged = (where: string, expected: string, found: string, cause?: unknown) =>
      new InnateError(
        'bad-file',
        'a fetched model is damaged',
        { where, expected, found, hint: `Run innate models fetch ${id} again` },
        cause,
      );
    let said: v.InferOutput<typeof ABOUT>;
    try {
      said = v.parse(ABOUT, JSON.parse(readFileSync(about, 'utf8')));
    } catch (error) {
      throw damaged(about, 'the description of a model', 'something else', error);
    }
    if (said.id !== id) throw damaged(about, id, said.id);
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found?.isFile()) throw damaged(path, `${said.bytes} bytes`, 'no file');
    if (found.size !== said.bytes) throw damaged(path, `${said.bytes} bytes`, `${found.size}`);
    return { ...said, path };
  }

  /** All that is in the folder; `damaged` are errors that name theirs. */
  list(): { models: FetchedModel[]; damaged: InnateError[] } {
    const models: FetchedModel[] = [];
    const damaged: InnateError[] = [];
    for (const name of this.names()) {
      const [, id] = /^(\w[\w.+-]*)\.json$/.exec(name) ?? [];
      if (id === undefined || id.endsWith('.part')) continue;
      try {
        const found = this.find(id);
        if (found) models.push(found);
      } catch (error) {
        damaged.push(asInnateError(error));
      }
    }
    return { models, damaged };
  }

  /** Ids of downloads that were broken off, with the bytes that are there. */
  unfinished(): { id: string; bytes: number }[] {
    return this.names()
      .filter((name) => name.endsWith('.part'))
      .map((name) => ({ id: name.slice(0, -'.part'.length), bytes: statSync(join(this.folder, name)).size }));
  }

  /** Stores what `write` writes. One that is there already is replaced, and never half of it. */
  async put(
    id: string,
    source: FetchedModel['source'],
    write: (output: Output) => Promise<Converted>,
  ): Promise<FetchedModel> {
    mkdirSync(this.folder, { recursive: true });
    rmSync(this.file(id, 'json'), { force: true });
    const hash = createHash('sha256');
    const { bytes } = await writeAtomicFrom(this.path(id), (output) =>
      write({
        write(piece) {
          hash.update(piece);
          return output.write(piece);
        },
      }),
    );
    const fetched = new Date().toISOString();
    const about = { version: 1 as const, id, bytes, sha256: hash.digest('hex'), source, fetched };
    await writeAtomic(this.file(id, 'json'), [Buffer.from(`${JSON.stringify(about, null, 2)}\n`)]);
    return { ...about, path: this.path(id) };
  }

  /** Deletes a model and what there is of its download; the bytes that this frees. 0: there was nothing. */
  remove(id: string): number {
    // The description first: without it the rest is nothing.
    return ['json', 'safetensors', 'part', 'part.json'].reduce(
      (sum, ending) => sum + erase(this.file(id, ending as 'json')),
      this.sweep(id),
    );
  }

  /** Deletes what processes left that were killed while they wrote; for whoever holds the lock. */
  sweep(id: string): number {
    const left = this.names().filter((name) => name.startsWith(`.${id}.`) && name.endsWith('.tmp'));
    return left.reduce((sum, name) => sum + erase(join(this.folder, name)), 0);
  }

  private names(): string[] {
    return existsSync(this.folder) ? readdirSync(this.folder).sort() : [];
  }
}

function erase(path: string): number {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  rmSync(path, { force: true });
  return bytes;
}
