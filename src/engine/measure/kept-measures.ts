import { blobSource } from '../../formats/source';
import { InnateError } from '../../lib/errors';
import { loadPart } from '../../lib/load-part';
import type { WeightSource } from '../../nn/weights';
import type { InceptionSource, MeasureFiles, MeasureFilesCall } from '../../protocol/measure';
import {
  bytesIn,
  type Folder,
  privateFolder,
  readFile,
  remove,
  subFolder,
  writeFile,
} from '../../storage/opfs';
import type { CallHooks } from '../services';
import { type FeatureStore, MemoryStore } from './feature-store';
import { PrivateStore } from './private-store';

/**
 * What measuring keeps in the origin's private files, below `measure`: runs/ID, a measurement that has not ended (real/ and
 * made/ with features, real.json with what was read); training/MARK, features of a whole set; inception, the file of its weights.
 */
const root = (): Promise<Folder | null> => privateFolder('measure');

const INCEPTION = 'inception';
const PIECE = 4 * 2 ** 20;

/** Where the browser keeps no files, features last as long as the page. */
const inMemory = new Map<string, FeatureStore>();

function memoryStore(name: string, dims: number): FeatureStore {
  const kept = inMemory.get(name);
  if (kept?.dims === dims) return kept;
  const store = new MemoryStore(dims);
  inMemory.set(name, store);
  return store;
}

const checkId = (id: string): string => {
  if (/^[\w-]{1,64}$/.test(id)) return id;
  throw new InnateError('bad-argument', 'not the id of a measurement', { found: id.slice(0, 80) });
};

/** What is known of the real images once their features are all there. */
export interface SavedReal {
  /** Vectors that are compared with, of those that were read, and those of the floor at the end. */
  used: number;
  held: number;
  read: number;
  words: string;
  skipped: string;
}

/** A measurement on its way. */
export class SavedMeasure {
  private constructor(
    readonly id: string,
    private readonly folder: Folder | null,
  ) {}

  static async open(id: string): Promise<SavedMeasure> {
    const folder = await privateFolder('measure', 'runs', checkId(id));
    return new SavedMeasure(id, folder);
  }

  /** A measurement that lies in a folder of its own. */
  static async below(parent: Folder, id: string): Promise<SavedMeasure> {
    return new SavedMeasure(id, await subFolder(parent, checkId(id)));
  }

  /** `which`: 'real', or what features are of. */
  async store(which: string, dims: number): Promise<FeatureStore> {
    return this.folder
      ? PrivateStore.open(this.folder, which, dims)
      : memoryStore(`${this.id}/${which}`, dims);
  }

  /** Features of something are not needed any more. */
  async drop(which: string): Promise<void> {
    if (this.folder) await remove(this.folder, which);
  }

  async real(): Promise<SavedReal | null> {
    if (!this.folder) return realInMemory.get(this.id) ?? null;
    const file = await readFile(this.folder, 'real.json');
    if (!file) return null;
    try {
      return JSON.parse(await file.text()) as SavedReal;
    } catch {
      return null; // torn: it is found out again
    }
  }

  async saveReal(real: SavedReal): Promise<void> {
    if (this.folder)
      await writeFile(this.folder, 'real.json', [new TextEncoder().encode(JSON.stringify(real))]);
    else realInMemory.set(this.id, real);
  }

  static async remove(id: string): Promise<void> {
    realInMemory.delete(id);
    for (const which of ['real', 'made']) inMemory.delete(`${id}/${which}`);
    const runs = await privateFolder('measure', 'runs');
    if (runs) await remove(runs, checkId(id));
  }
}

const realInMemory = new Map<string, SavedReal>();

/** The place of a whole training set's features. `mark` tells sets and networks apart. */
export async function trainingStore(mark: string, dims: number): Promise<FeatureStore> {
  const folder = await privateFolder('measure', 'training');
  const name = await digest(mark);
  return folder ? PrivateStore.open(folder, name, dims) : memoryStore(name, dims);
}

async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return Array.from(bytes.subarray(0, 16), (b) => b.toString(16).padStart(2, '0')).join('');
}

/** Inception's weights from where a person has them. The readers of pickles and torch files are loaded by the first one. */
export async function inceptionWeights(from: InceptionSource): Promise<WeightSource> {
  const { openInception } = await loadPart(import('./inception-file'));
  if (from !== 'kept') return openInception(blobSource(from, from.name));
  const folder = await root();
  const file = folder && (await readFile(folder, INCEPTION));
  if (!file)
    throw new InnateError('not-found', 'the Inception file is not kept here any more', {
      hint: 'Open it again',
    });
  return openInception(blobSource(file, 'the Inception file'));
}

/** Does what is asked, and says what is kept. A file that is kept was opened first: what is no Inception is refused. */
export async function measureFiles(
  call: MeasureFilesCall,
  { signal, onProgress }: Pick<CallHooks, 'signal' | 'onProgress'>,
): Promise<MeasureFiles> {
  const folder = await root();
  if (!folder) {
    if (call.do === 'keep-inception')
      throw new InnateError('io', 'this browser keeps no files for this page', {
        where: call.file.name,
        hint: 'Private windows and blocked site data prevent it; open the file again next time',
      });
    if (call.do === 'drop-run') await SavedMeasure.remove(call.id);
    return { inception: null, features: 0, runs: 0 };
  }
  switch (call.do) {
    case 'list':
      break;
    case 'keep-inception': {
      const { file } = call;
      await inceptionWeights(file);
      await writeFile(
        folder,
        INCEPTION,
        pieces(file, signal, (done) =>
          onProgress({ what: 'keeping the Inception file', done, total: file.size, unit: 'bytes' }),
        ),
      );
      break;
    }
    case 'drop-inception':
      await remove(folder, INCEPTION);
      break;
    case 'drop-features':
      await remove(folder, 'training');
      break;
    case 'drop-run':
      await SavedMeasure.remove(call.id);
      break;
  }
  const [training, runs] = await Promise.all(['training', 'runs'].map((name) => subFolder(folder, name)));
  return {
    inception: (await readFile(folder, INCEPTION))?.size ?? null,
    features: await bytesIn(training!),
    runs: await bytesIn(runs!),
  };
}

async function* pieces(file: File, signal: AbortSignal, onProgress: (done: number) => void) {
  for (let at = 0; at < file.size; at += PIECE) {
    if (signal.aborted) throw new InnateError('cancelled', 'cancelled');
    yield new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer());
    onProgress(Math.min(file.size, at + PIECE));
  }
}
