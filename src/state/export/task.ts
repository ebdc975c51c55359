import { InnateError } from '../../lib/errors';
import { type EngineStore, fail, succeed } from '../engine';
import { endOf, type LongSteps, type StepEnd } from '../long-steps';

/** What a long export tells while it runs. */
export interface TaskHooks {
  signal: AbortSignal;
  /** So many images of all are written. */
  onProgress(done: number, total: number): void;
}

interface Options {
  engine: EngineStore;
  steps: LongSteps;
}

/** One long export at a time, in the page's list of what takes long. */
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

  /** Runs a task, and tells what it is about; what fails is told in the page's line. */
  async run(subject: string, task: (hooks: TaskHooks) => Promise<void>): Promise<StepEnd> {
    const { engine, steps } = this.options;
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
    const step = steps.begin({ kind: 'exporting', subject, cancel: () => abort.abort() });
    let how: StepEnd = 'done';
    try {
      await task({
        signal: abort.signal,
        onProgress: (done, total) => step.progress({ done, total, unit: 'images' }),
      });
    } catch (error) {
      how = abort.signal.aborted ? 'cancelled' : endOf(error);
      if (how === 'failed') fail(engine, 'exporting', error);
    } finally {
      this.abort = null;
      step.end(how);
    }
    return how;
  }
}
