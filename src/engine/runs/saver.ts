import { InnateError } from '../../lib/errors';
import { counted } from '../../lib/words';
import type { DistilEvent, WayBack } from '../../protocol/distil';
import type { RunRecord } from '../../protocol/runs';
import { isFull } from '../../storage/write-all';
import type { RunFolder, Which } from './folder';
import type { RunState, SavedRun } from './state';
import { asSaved, type Unsaved, unsavedRuns } from './unsaved';

/** Milliseconds between saves; longer where a save takes more than a twentieth of that. */
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
 *
 * What is told of a run is what its saves hold: `iteration` and `images` are those of the newest save of kind 'last',
 * `best` is that of the newest save of kind 'best', on disk as on disk and in memory as in memory.
 */
export class RunSaver {
  /** The saves that the disk has not taken. */
  private readonly memory: Unsaved;
  private savedAt = 0;
  private took = 0;
  private full = false;
  /** How far the newest saves are, wherever they lie; null before the first one. */
  private reached: Progress | null = null;
  /** How far those on disk are; null before the first one. */
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

  /** Saves a state; `record` says how far the run is at that state. It does not throw: a full disk is told. */
  async save(state: RunState, record: RunRecord, which: Which = 'last'): Promise<void> {
    const started = this.now();
    const reached = advance(this.reached, progress(record), which);
    this.reached = reached;
    this.memory.states.set(which, state);
    if (!(await this.flush(record, reached))) this.remember(state, record, which);
    if (which !== 'last') return;
    this.savedAt = this.now();
    this.took = this.savedAt - started;
  }

  /** For a run that goes on: what it is told to change is written down at once. */
  async resume(record: RunRecord): Promise<void> {
    const onDisk = await this.folder?.record();
    this.onDisk = onDisk ? progress(onDisk) : null;
    this.reached = this.memory.record ? progress(this.memory.record) : this.onDisk;
    if (this.memory.states.size === 0) await this.folder?.saveRecord(record).catch(() => {});
  }

  /** Writes down what has no state of its own: the run's end, an error. */
  async describe(record: RunRecord): Promise<void> {
    if (this.full) {
      this.memory.record = structuredClone({ ...record, ...this.reached });
      this.notice(
        'The browser has no room left for this page: this run is kept as long as the page is open. Free some room and try again, or save its student or its full state as a file.',
      );
      if (!this.onDisk) return;
    }
    // The state is what counts; it said so if there is no room.
    await this.folder?.saveRecord({ ...record, ...this.onDisk }).catch(() => {});
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

  /** Writes what memory holds to the folder; false where something stays in memory. */
  private async flush(record: RunRecord, reached: Progress): Promise<boolean> {
    const { folder } = this;
    if (!folder) return false;
    try {
      await this.write(folder, record, reached).catch(async (error) => {
        if (!isFull(error)) throw error;
        await folder.thinStudents(FEW);
        await this.write(folder, record, reached);
      });
      unsavedRuns.delete(folder.id);
      if (this.full) this.notice(null);
      this.full = false;
      return true;
    } catch (error) {
      this.full = true;
      this.notice(this.explain(error));
      return false;
    }
  }

  private async write(folder: RunFolder, record: RunRecord, reached: Progress): Promise<void> {
    const { states } = this.memory;
    for (const which of ['last', 'best'] as const) {
      const state = states.get(which);
      if (!state) continue;
      const bytes = await folder.saveState(state, which);
      states.delete(which);
      this.onDisk = advance(this.onDisk, reached, which);
      if (which === 'last') this.emit({ kind: 'saved', images: state.meta.images, bytes });
    }
    await folder.saveRecord({ ...record, ...this.onDisk });
  }

  /** Keeps a state that could not be written, as it is now: the run goes on changing its own. */
  private remember(state: RunState, record: RunRecord, which: Which): void {
    const { states } = this.memory;
    if (states.has(which)) states.set(which, { tensors: state.tensors, meta: structuredClone(state.meta) });
    this.memory.record = structuredClone({ ...record, ...this.reached });
    if (this.folder) unsavedRuns.set(this.folder.id, this.memory);
  }

  private explain(error: unknown): string {
    const last = this.onDisk?.images
      ? `The last save is from ${counted(this.onDisk.images, 'image')}.`
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

/** How far the saves are after one more: a 'last' moves the run on, a 'best' only its best student. */
const advance = (before: Progress | null, now: Progress, which: Which): Progress =>
  which === 'last'
    ? { ...now, best: before?.best ?? null }
    : { ...(before ?? { ...now, iteration: 0, images: 0, frechet: null }), best: now.best };
