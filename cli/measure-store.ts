import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Extracted } from '../src/engine/measure/extract';
import type { FeatureStore } from '../src/engine/measure/feature-store';
import { readSafetensors, type TensorData, writeSafetensors } from '../src/formats/safetensors';
import { bufferSource } from '../src/formats/source';
import { readFloat32 } from '../src/formats/tensor';
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
    const found = readdirSync(folder).flatMap((file) => {
      const [, from, to] = /^(\d{8})-(\d{8})\.safetensors$/.exec(file) ?? [];
      return from === undefined ? [] : [{ path: join(folder, file), from: Number(from), to: Number(to) }];
    });
    for (const block of found.sort((a, b) => a.from - b.from))
      if (block.from === store.count) store.files.push(block);
    return store;
  }

  get count(): number {
    return this.files.at(-1)?.to ?? 0;
  }

  async append({ features, logits }: Extracted): Promise<void> {
    const from = this.count;
    const n = features.length / this.dims;
    const path = join(
      this.folder,
      `${[from, from + n].map((i) => String(i).padStart(8, '0')).join('-')}.safetensors`,
    );
    const tensors = new Map([['features', tensor(features, n)]]);
    if (logits) tensors.set('logits', tensor(logits, n));
    await writeAtomic(path, writeSafetensors({ tensors }));
    this.files.push({ path, from, to: from + n });
  }

  async *blocks(): AsyncIterable<Extracted> {
    for (const { path } of this.files) {
      const { tensors } = readSafetensors(bufferSource(readFileSync(path), path));
      const logits = tensors.get('logits');
      yield {
        features: readFloat32(tensors.get('features')!),
        logits: logits ? readFloat32(logits) : null,
      };
    }
  }

  /** Nothing of it is needed any more. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const tensor = (values: Float32Array, n: number): TensorData => ({
  dtype: 'f32',
  shape: [n, values.length / n],
  bytes: () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
});

/** What tells one file or folder from another, and from itself when it has changed. */
export function fileMark(path: string): unknown {
  if (!existsSync(path)) return path;
  const { size, mtimeMs } = statSync(path);
  return [resolve(path), size, mtimeMs];
}
