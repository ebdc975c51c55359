import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Extracted } from '../src/engine/measure/extract';
import { blockName, blocksAmong, decodeBlock, encodeBlock } from '../src/engine/measure/feature-block';
import type { FeatureStore } from '../src/engine/measure/feature-store';
import { cacheFolder } from './fetched/cache';
import { writeAtomic } from './files';

/**
 * Feature vectors in a folder, a file for each block, each written whole or not at all: a run that is killed goes on behind
 * the last one, and 50,000 images take no more memory than 200.
 */
export class FolderStore implements FeatureStore {
  private readonly files: { path: string; from: number; to: number }[] = [];

  private constructor(
    readonly folder: string,
    readonly dims: number,
  ) {}

  /** The store of what is described by `of`: in the user's cache, under a digest of it. */
  static open(of: unknown, dims: number): FolderStore {
    const name = createHash('sha256').update(JSON.stringify(of)).digest('hex').slice(0, 32);
    const folder = join(dirname(cacheFolder()), 'measure', name);
    mkdirSync(folder, { recursive: true });
    const store = new FolderStore(folder, dims);
    for (const { name: file, ...range } of blocksAmong(readdirSync(folder)))
      store.files.push({ path: join(folder, file), ...range });
    return store;
  }

  get count(): number {
    return this.files.at(-1)?.to ?? 0;
  }

  async append(block: Extracted): Promise<void> {
    const from = this.count;
    const to = from + block.features.length / this.dims;
    const path = join(this.folder, blockName(from, to));
    await writeAtomic(path, encodeBlock(block, this.dims));
    this.files.push({ path, from, to });
  }

  async *blocks(): AsyncIterable<Extracted> {
    for (const { path } of this.files) yield decodeBlock(readFileSync(path), path);
  }

  /** Nothing of it is needed any more. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What tells one file or folder from another, and from itself when it has changed. */
export function fileMark(path: string): unknown {
  if (!existsSync(path)) return path;
  const { size, mtimeMs } = statSync(path);
  return [resolve(path), size, mtimeMs];
}
