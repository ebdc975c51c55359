import { InnateError } from '../lib/errors';
import { isFull } from '../storage/opfs';
import type { DistilEvent } from './distil-protocol';
import type { RunFolder, Which } from './run-folder';
import type { RunState, SavedRun } from './run-state';
import type { RunRecord } from './runs-protocol';

/** Seconds between saves; longer where a save takes more than a twentieth of that. */
const EVERY_MS = 10_000;
const SHARE = 20;
/** Students that stay when the disk is full. */
const FEW = 3;

/**
 * Saves a run as it goes: to its folder, or to memory while there is no folder or no room. A run outlives a failed
 * device either way; memory does not outlive the tab, which is said.
 */
export class RunSaver {
  private readonly memory = new Map<Which, SavedRun>();
  private savedAt = 0;
  private took = 0;
  private images = -1;
  private full = false;

  constructor(
    private readonly folder: RunFolder | null,
    private readonly emit: (event: DistilEvent) => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    if (!folder)
      this.notice(
        'This browser keeps no files for this page (a private window, or site data is blocked): the run lives as long as the page. Save the student before you leave.',
      );
  }

  /** It is time for another save. */
  get due(): boolean {
    return this.now() - this.savedAt > Math.max(EVERY_MS, SHARE * this.took);
  }

  async save(state: RunState, record: RunRecord, which: Which = 'last'): Promise<void> {
    const started = this.now();
    if (!(await this.write(state, record, which))) this.memory.set(which, inMemory(state));
    if (which !== 'last') return;
    this.savedAt = this.now();
    this.took = this.savedAt - started;
  }

  /** Only what is told of the run: its end, an error. */
  async describe(record: RunRecord): Promise<void> {
    await this.folder?.saveRecord(record).catch(() => {}); // the state is what counts; it said so if there is no room
  }

  /** The newest good state; null before the first save. */
  async load(which: Which = 'last'): Promise<SavedRun | null> {
    return this.memory.get(which) ?? (await this.folder?.state(which)) ?? null;
  }

  private async write(state: RunState, record: RunRecord, which: Which): Promise<boolean> {
    const { folder } = this;
    if (!folder) return false;
    const attempt = async () => {
      const bytes = await folder.saveState(state, which);
      await folder.saveRecord(record);
      return bytes;
    };
    try {
      let bytes: number;
      try {
        bytes = await attempt();
      } catch (error) {
        if (!isFull(error)) throw error;
        await folder.thinStudents(FEW);
        bytes = await attempt();
      }
      this.memory.delete(which);
      if (this.full) this.notice(null);
      this.full = false;
      if (which === 'last') this.images = state.meta.images;
      this.emit({ kind: 'saved', images: state.meta.images, bytes });
      return true;
    } catch (error) {
      this.full = true;
      this.notice(this.explain(error));
      return false;
    }
  }

  private explain(error: unknown): string {
    const last = this.images >= 0 ? `The last save is from ${this.images} images.` : 'It has no save yet.';
    const what = isFull(error)
      ? 'The browser has no room left for this page: the run goes on, but it cannot be saved.'
      : `The run goes on, but it could not be saved: ${error instanceof InnateError ? error.describe() : error}.`;
    return `${what} ${last} Delete runs that you do not need, or free disk space: then it saves itself again.`;
  }

  private notice(text: string | null): void {
    this.emit({ kind: 'notice', topic: 'storage', text });
  }
}

function inMemory({ tensors, meta }: RunState): SavedRun {
  return {
    tensors: {
      shape: (name) => tensors.get(name)?.shape,
      read: (name) => tensors.get(name)!.values,
    },
    meta: structuredClone(meta),
  };
}
