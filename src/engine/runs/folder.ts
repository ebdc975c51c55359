import { blobSource, type Source } from '../../formats/source';
import { badFile, InnateError } from '../../lib/errors';
import { leastMissed } from '../../lib/thin';
import type { WayBack } from '../../protocol/distil';
import { distancesUpTo, type RunDistances } from '../../protocol/run-distances';
import type { RunRecord } from '../../protocol/runs';
import {
  bytesIn,
  type Folder,
  filesIn,
  namesIn,
  privateFolder,
  readFile,
  remove,
  slotPlaces,
  subFolder,
  writeFile,
} from '../../storage/opfs';
import { SlotPair } from '../../storage/slots';
import { keptDistances, parseDistances } from './distances';
import { parseRecord } from './record';
import { decodeState, encodeState, type RunState, type SavedRun } from './state';

/** Students that a run keeps for its moments, bytes in all: thinned beyond that. */
const STUDENT_BYTES = 256e6;
/** Moments whose samples are kept. */
const MOST_SAMPLES = 60;

/** What a person called a run; it never waits for the run itself. */
interface Label {
  name: string;
  notes: string;
}

/** 'last' is the newest save; 'best' the one with the lowest distance so far. */
export type Which = 'last' | 'best';

const SAMPLES = '.rgba';
const STUDENT = '.safetensors';
const MEASURING = 'measuring';

let queue: Promise<unknown> = Promise.resolve();

/** One access at a time in this worker: a file that is open for writing cannot be opened again. */
function serially<T>(task: () => Promise<T>): Promise<T> {
  const result = queue.then(task);
  queue = result.catch(() => {});
  return result;
}

/**
 * A run on disk, `runs/ID` of the origin's private files:
 *   record.0/1    what it is and how far (RunRecord)      label.0/1   its name and notes
 *   last.0/1      its newest state, best.0/1 the state at its lowest distance (the command line's .state file)
 *   distances.0/1 distances of its moments                measuring/    features of those that have not ended
 *   samples/N.rgba, students/N.safetensors                 after N images
 *   teacher.safetensors, start.safetensors, features.safetensors, data/0, 1, ... what the user brought
 */
export class RunFolder {
  private readonly records: SlotPair;
  private readonly labels: SlotPair;
  private readonly measured: SlotPair;
  private readonly states: Record<Which, SlotPair>;

  private constructor(
    readonly id: string,
    private readonly folder: Folder,
    private readonly samples: Folder,
    private readonly students: Folder,
    readonly data: Folder,
  ) {
    const pair = (name: string) => new SlotPair(slotPlaces(folder, name));
    this.records = pair('record');
    this.labels = pair('label');
    this.measured = pair('distances');
    this.states = { last: pair('last'), best: pair('best') };
  }

  /** Made where it is missing; null where this browser cannot save runs. */
  static async open(id: string): Promise<RunFolder | null> {
    if (!/^[\w-]{1,64}$/.test(id))
      throw new InnateError('bad-argument', 'not the id of a run', { found: id.slice(0, 80) });
    const folder = await privateFolder('runs', id);
    return folder && RunFolder.of(id, folder);
  }

  /** A run that is listed, whatever its name; throws where its folder cannot be opened. */
  static async listed(id: string): Promise<RunFolder> {
    const where = id.slice(0, 80);
    const runs = await privateFolder('runs');
    if (!runs) throw new InnateError('io', 'this browser keeps no files for this page', { where });
    try {
      return await RunFolder.of(id, await runs.getDirectoryHandle(id));
    } catch (error) {
      throw new InnateError('io', 'its folder could not be opened', { where }, error);
    }
  }

  private static async of(id: string, folder: Folder): Promise<RunFolder> {
    const [samples, students, data] = await Promise.all([
      subFolder(folder, 'samples'),
      subFolder(folder, 'students'),
      subFolder(folder, 'data'),
    ]);
    return new RunFolder(id, folder, samples, students, data);
  }

  /** Ids of all runs; null where this browser cannot save any. */
  static async ids(): Promise<string[] | null> {
    const runs = await privateFolder('runs');
    return runs && namesIn(runs);
  }

  static async remove(id: string): Promise<void> {
    const runs = await privateFolder('runs');
    if (runs) await serially(() => remove(runs, id));
  }

  saveRecord(record: RunRecord): Promise<number> {
    return serially(() => this.records.save([json(record)]));
  }

  /**
   * With the name and the notes that a person gave it; null where none was ever written. Throws a `bad-file` error where
   * it is damaged, and an `unsupported` one where another version wrote it.
   */
  record(): Promise<RunRecord | null> {
    return serially(async () => {
      const payload = await this.records.load();
      if (!payload) {
        const names = await namesIn(this.folder);
        if (!names.some((name) => name.startsWith('record.'))) return null;
        throw badFile('its record is damaged', { where: this.id });
      }
      const found = parseRecord(readText(payload), this.id);
      const label = await this.labels
        .load()
        .then((saved) => saved && (JSON.parse(readText(saved)) as Label))
        .catch(() => null); // its own name is better than none
      const { name, notes } = label ?? { name: found.about.name, notes: found.notes };
      return { ...found, notes, about: { ...found.about, name } };
    });
  }

  /** It has something that training made, or a record: a run that ended before its first save has not. */
  holdsWork(): Promise<boolean> {
    return serially(async () => {
      const names = await namesIn(this.folder);
      return (
        names.some((name) => /^(record|last|best)\./.test(name)) || (await namesIn(this.students)).length > 0
      );
    });
  }

  /** All its files as they are, by path. */
  files(): AsyncIterable<[path: string, file: File]> {
    return filesIn(this.folder);
  }

  saveLabel(label: Label): Promise<number> {
    return serially(() => this.labels.save([json(label)]));
  }

  saveDistances(distances: readonly RunDistances[]): Promise<number> {
    return serially(() => this.measured.save([json(keptDistances(distances))]));
  }

  /** What was measured of its moments afterwards; none where that cannot be read. */
  distances(): Promise<RunDistances[]> {
    return serially(async () => {
      const payload = await this.measured.load();
      return payload ? parseDistances(readText(payload)) : [];
    });
  }

  /** Where features lie while moments are measured. */
  measuring(): Promise<Folder> {
    return subFolder(this.folder, MEASURING);
  }

  saveState(state: RunState, which: Which): Promise<number> {
    return serially(() => this.states[which].save(encodeState(state)));
  }

  /** null where there is none. Its tensors are read from the file when they are asked for. */
  state(which: WayBack): Promise<SavedRun | null> {
    return serially(async () => {
      const payload = await (which === 'earlier'
        ? this.states.last.load('before')
        : this.states[which].load());
      return payload && decodeState(payload);
    });
  }

  /** The newest state as a file of the command line. */
  stateFile(): Promise<Uint8Array | null> {
    return serially(async () => {
      const payload = await this.states.last.load();
      return payload?.read(0, payload.size) ?? null;
    });
  }

  saveSamples(images: number, pixels: Uint8ClampedArray): Promise<void> {
    return serially(async () => {
      await writeFile(this.samples, images + SAMPLES, [new Uint8Array(pixels)]);
      const kept = await moments(this.samples, SAMPLES);
      if (kept.length > MOST_SAMPLES) await this.drop(kept[leastMissed(kept)]!);
    });
  }

  /** Moments that have samples of `bytes` bytes (a torn file has fewer), ascending. */
  async sampleMoments(): Promise<number[]> {
    return serially(() => moments(this.samples, SAMPLES));
  }

  readSamples(images: number): Promise<Uint8ClampedArray<ArrayBuffer> | null> {
    return serially(async () => {
      const file = await readFile(this.samples, images + SAMPLES);
      return file && new Uint8ClampedArray(await file.arrayBuffer());
    });
  }

  /** Keeps the student of a moment; resolves with how many others had to go for it. */
  saveStudent(images: number, pieces: Iterable<Uint8Array>): Promise<number> {
    return serially(async () => {
      const bytes = await writeFile(this.students, images + STUDENT, pieces);
      const most = Math.max(3, Math.floor(STUDENT_BYTES / Math.max(1, bytes)));
      return this.thinTo(most);
    });
  }

  /** Drops students until `most` are left; resolves with how many went. */
  thinStudents(most: number): Promise<number> {
    return serially(() => this.thinTo(most));
  }

  studentMoments(): Promise<number[]> {
    return serially(() => moments(this.students, STUDENT));
  }

  student(images: number): Promise<Source | null> {
    return serially(async () => {
      const file = await readFile(this.students, images + STUDENT);
      return file && blobSource(file, `student after ${images} images`);
    });
  }

  /** Forgets what was made after a moment: the run is at it again. */
  rewind(images: number): Promise<void> {
    return serially(async () => {
      await this.forgetMeasuring(images);
      const measured = await this.measured.load();
      if (measured) {
        const before = distancesUpTo(parseDistances(readText(measured)), images);
        await this.measured.save([json(keptDistances(before))]);
      }
      for (const [folder, ending] of [
        [this.samples, SAMPLES],
        [this.students, STUDENT],
      ] as const)
        for (const moment of await moments(folder, ending))
          if (moment > images) await remove(folder, moment + ending);
    });
  }

  saveFile(name: 'teacher' | 'start' | 'features', pieces: Iterable<Uint8Array>): Promise<number> {
    return serially(() => writeFile(this.folder, name + STUDENT, pieces));
  }

  file(name: 'teacher' | 'start' | 'features'): Promise<Source | null> {
    return serially(async () => {
      const file = await readFile(this.folder, name + STUDENT);
      return file && blobSource(file, name + STUDENT);
    });
  }

  bytes(): Promise<number> {
    return serially(() => bytesIn(this.folder));
  }

  /** Features of moments that will be made again. */
  private async forgetMeasuring(images: number): Promise<void> {
    if (!(await namesIn(this.folder)).includes(MEASURING)) return;
    const measuring = await subFolder(this.folder, MEASURING);
    for (const how of await namesIn(measuring)) {
      const folder = await subFolder(measuring, how);
      for (const name of await namesIn(folder))
        if (Number(/^made-(\d+)$/.exec(name)?.[1] ?? 0) > images) await remove(folder, name);
    }
  }

  private async thinTo(most: number): Promise<number> {
    let gone = 0;
    for (let kept = await moments(this.students, STUDENT); kept.length > most; gone++) {
      const at = leastMissed(kept);
      if (at < 0) break;
      await remove(this.students, kept[at]! + STUDENT);
      kept = kept.toSpliced(at, 1);
    }
    return gone;
  }

  /** Samples of a moment, and its student: a moment is offered whole or not at all. */
  private async drop(images: number): Promise<void> {
    await remove(this.samples, images + SAMPLES);
    await remove(this.students, images + STUDENT);
  }
}

async function moments(folder: Folder, ending: string): Promise<number[]> {
  const names = await namesIn(folder);
  return names
    .filter((name) => name.endsWith(ending))
    .map((name) => Number(name.slice(0, -ending.length)))
    .filter(Number.isSafeInteger)
    .sort((a, b) => a - b);
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

const readText = (source: Source): string => new TextDecoder().decode(source.read(0, source.size));
