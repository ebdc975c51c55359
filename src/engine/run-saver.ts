import { InnateError } from '../lib/errors';
import { isFull } from '../storage/opfs';
import type { DistilEvent } from './distil-protocol';
import type { RunFolder, Which } from './run-folder';
import type { RunState, SavedRun } from './run-state';
import type { RunRecord, WayBack } from './runs-protocol';
import { asSaved, type Unsaved, unsavedRuns } from './unsaved-runs';

/** Seconds between saves; longer where a save takes more than a twentieth of that. */
const EVERY_MS = 10_000;
const SHARE = 20;
/** Students that stay when the disk is full. */
const FEW = 3;

const NO_FILES =
  'This browser keeps no files for this page (a private window, or site data is blocked): the run lives as long as the page. Save the student before you leave.';

type Progress = Pick<RunRecord, 'iteration' | 'images' | 'config' | 'frechet' | 'best'>;

/**
 * Saves a run as it goes: to its folder, or to memory while there is no folder or no room. A run outlives a failed
 * device either way; memory does not outlive the tab, which is said.
 */
export class RunSaver {
  private readonly memory: Unsaved;
  private savedAt = 0;
  private took = 0;
  private full = false;
  /** How far the run is on disk; null before the first save. */
  private onDisk: Progress | null = null;

  constructor(
    private readonly folder: RunFolder | null,
    private readonly emit: (event: DistilEvent) => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.memory = (folder && unsavedRuns.get(folder.id)) ?? { states: new Map(), record: null };
    if (!folder) this.notice(NO_FILES);
  }

  /** It is time for another save. */
  get due(): boolean {
    return this.now() - this.savedAt > Math.max(EVERY_MS, SHARE * this.took);
  }

  async save(state: RunState, record: RunRecord, which: Which = 'last'): Promise<void> {
    const started = this.now();
    if (!(await this.write(state, record, which))) this.remember(state, record, which);
    if (which !== 'last') return;
    this.savedAt = this.now();
    this.took = this.savedAt - started;
  }

  /** Of a run that goes on: what it is told to change is written down at once. */
  async resume(record: RunRecord): Promise<void> {
    const onDisk = await this.folder?.record();
    this.onDisk = onDisk ? progress(onDisk) : null;
    if (this.memory.states.size === 0) await this.folder?.saveRecord(record).catch(() => {});
  }

  /** Only what is told of the run: how far it is on disk, its end, an error. */
  async describe(record: RunRecord): Promise<void> {
    if (this.full) {
      this.memory.record = structuredClone(record);
      this.notice(
        'The browser has no room left for this page: this run is kept as long as the page is open. Free some room and try again, or save its student or its full state as a file.',
      );
      if (!this.onDisk) return;
    }
    const told = this.full ? { ...record, ...this.onDisk } : record;
    await this.folder?.saveRecord(told).catch(() => {}); // the state is what counts; it said so if there is no room
  }

  /** A good state; null before the first save. */
  async load(which: WayBack = 'last'): Promise<SavedRun | null> {
    const { states } = this.memory;
    // Where the newest one is in memory, the newest on disk is the one before.
    if (which === 'earlier')
      return (await this.folder?.state(states.has('last') ? 'last' : 'earlier')) ?? null;
    const state = states.get(which);
    return state ? asSaved(state) : ((await this.folder?.state(which)) ?? null);
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
      this.forget(which);
      if (this.full) this.notice(null);
      this.full = false;
      this.onDisk = progress(record);
      this.emit({ kind: 'saved', images: state.meta.images, bytes });
      return true;
    } catch (error) {
      this.full = true;
      this.notice(this.explain(error));
      return false;
    }
  }

  private remember(state: RunState, record: RunRecord, which: Which): void {
    this.memory.states.set(which, { tensors: state.tensors, meta: structuredClone(state.meta) });
    this.memory.record = structuredClone(record);
    if (this.folder) unsavedRuns.set(this.folder.id, this.memory);
  }

  private forget(which: Which): void {
    this.memory.states.delete(which);
    if (this.folder && this.memory.states.size === 0) unsavedRuns.delete(this.folder.id);
  }

  private explain(error: unknown): string {
    const last = this.onDisk?.images
      ? `The last save is from ${this.onDisk.images} images.`
      : 'Nothing of it is saved yet.';
    const what = isFull(error)
      ? 'The browser has no room left for this page: the run goes on, but it cannot be saved.'
      : `The run goes on, but it could not be saved: ${error instanceof InnateError ? error.describe() : error}.`;
    return `${what} ${last} Delete runs that you do not need, or free disk space: then it saves itself again.`;
  }

  private notice(text: string | null): void {
    this.emit({ kind: 'notice', topic: 'storage', text });
  }
}

const progress = ({ iteration, images, config, frechet, best }: RunRecord): Progress => ({
  iteration,
  images,
  config,
  frechet,
  best,
});
