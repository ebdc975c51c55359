import { asInnateError, InnateError } from '../../lib/errors';
import { type EngineStore, fail, succeed } from '../engine';
import type { Work } from '../work';

/** What a long export tells while it runs. */
export interface TaskHooks {
  signal: AbortSignal;
  /** So many images of all are written. */
  onProgress(done: number, total: number): void;
}

/** How an export came out. */
export type TaskEnd = 'done' | 'cancelled' | 'failed';

interface Options {
  engine: EngineStore;
  work: Work;
  now: () => number;
}

/** One long export at a time, in the page's one line, with the time that is left and Cancel. */
export class ExportTasks {
  private abort: AbortController | null = null;

  constructor(private readonly options: Options) {}

  get running(): boolean {
    return this.abort !== null;
  }

  /** Ends what is under way; what becomes of it is for the task to do. */
  cancel(): void {
    this.abort?.abort();
  }

  /** Runs a task, and tells in the line what it is about; what fails is told there too. */
  async run(subject: string, task: (hooks: TaskHooks) => Promise<void>): Promise<TaskEnd> {
    const { engine, work, now } = this.options;
    if (this.abort) {
      const busy = new InnateError('bad-argument', 'another export is under way', {
        hint: 'Cancel it first',
      });
      fail(engine, 'exporting', busy);
      return 'failed';
    }
    const abort = new AbortController();
    this.abort = abort;
    succeed(engine, 'exporting');
    work.begin('exporting', subject, () => abort.abort());
    const started = now();
    let first: number | null = null;
    try {
      await task({
        signal: abort.signal,
        onProgress(done, total) {
          first ??= done; // a resumed export has made the others earlier
          const rate = (done - first) / (now() - started);
          const left = rate > 0 ? (total - done) / rate / 1000 : null;
          if (work.tells('exporting'))
            engine.setState({ progress: { what: 'exporting', done, total, unit: 'images', left } });
        },
      });
      return 'done';
    } catch (error) {
      if (abort.signal.aborted || asInnateError(error, 'io').code === 'cancelled') return 'cancelled';
      fail(engine, 'exporting', error);
      return 'failed';
    } finally {
      this.abort = null;
      work.end('exporting');
    }
  }
}
