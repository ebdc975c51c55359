import { asInnateError, InnateError } from '../../lib/errors';
import { type Folder, namesIn, readFile, remove, subFolder, writeFile } from '../../storage/opfs';
import { isFull } from '../../storage/write-all';
import type { Extracted } from './extract';
import { blockName, blocksAmong, decodeBlock, encodeBlock } from './feature-block';
import type { FeatureStore } from './feature-store';

/**
 * Feature vectors in a folder of the origin's private files, a file for each block: a measurement outlives its tab. A file that
 * was being written when the tab ended is not whole: the store ends before it.
 */
export class PrivateStore implements FeatureStore {
  private readonly files: { name: string; from: number; to: number }[] = [];

  private constructor(
    private readonly folder: Folder,
    readonly dims: number,
  ) {}

  static async open(parent: Folder, name: string, dims: number): Promise<PrivateStore> {
    const folder = await subFolder(parent, name);
    const store = new PrivateStore(folder, dims);
    store.files.push(...blocksAmong(await namesIn(folder)));
    // Blocks are written in order and flushed: only the last one can be torn, or be of another network.
    for (let last = store.files.at(-1); last; last = store.files.at(-1)) {
      const whole = await store.read(last.name).catch(() => null);
      if (whole && whole.features.length === (last.to - last.from) * dims) break;
      store.files.pop();
      await remove(folder, last.name);
    }
    return store;
  }

  get count(): number {
    return this.files.at(-1)?.to ?? 0;
  }

  async append(block: Extracted): Promise<void> {
    const from = this.count;
    const to = from + block.features.length / this.dims;
    const name = blockName(from, to);
    try {
      await writeFile(this.folder, name, encodeBlock(block, this.dims));
    } catch (error) {
      throw isFull(error) ? noRoom(error) : asInnateError(error, 'io');
    }
    this.files.push({ name, from, to });
  }

  async *blocks(): AsyncIterable<Extracted> {
    for (const { name } of this.files) yield this.read(name);
  }

  private async read(name: string): Promise<Extracted> {
    const file = await readFile(this.folder, name);
    if (!file) throw new InnateError('io', 'saved features are gone', { where: name, hint: 'Measure again' });
    return decodeBlock(new Uint8Array(await file.arrayBuffer()), name);
  }
}

const noRoom = (cause: unknown) =>
  new InnateError(
    'io',
    'this browser has no room for more features',
    { hint: 'Delete models, runs or features under Models, then go on' },
    cause,
  );
