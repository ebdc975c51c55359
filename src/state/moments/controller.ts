import { createStore, type StoreApi } from 'zustand/vanilla';
import { asInnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { Progress } from '../../protocol/models';
import type { MeasureRunRequest, RunDistances } from '../../protocol/run-distances';
import type { DistilStore } from '../distil/store';
import { endOf, type LongSteps } from '../long-steps';

/** How many images of how many moments, and what they are compared by. */
export type MomentsHow = Pick<MeasureRunRequest, 'features' | 'count' | 'moments'>;

export interface MomentsState {
  /** One run at a time. */
  work: { run: string; progress: Progress | null } | null;
  error: { run: string; line: string } | null;
  /** Inception's file is kept in this browser; false before it was asked. */
  inception: boolean;
}

interface Options {
  client: Pick<EngineClient, 'measureRun' | 'measureFiles' | 'runs'>;
  distil: DistilStore;
  steps: LongSteps;
}

/** Measures the kept students of a run after the run; made when a run that is over is first shown. */
export class MomentsController {
  readonly store: StoreApi<MomentsState> = createStore<MomentsState>(() => ({
    work: null,
    error: null,
    inception: false,
  }));
  private readonly client: Options['client'];
  private readonly distil: DistilStore;
  private readonly steps: LongSteps;
  private abort: AbortController | null = null;

  constructor({ client, distil, steps }: Options) {
    this.client = client;
    this.distil = distil;
    this.steps = steps;
  }

  /** Asks whether Inception's file is kept. Where that cannot be said, the networks that come with the page are there. */
  async look(): Promise<void> {
    const files = await this.client.measureFiles({ do: 'list' }).catch(() => null);
    this.store.setState({ inception: files?.inception != null });
  }

  /** Measures what is not measured yet: a request that was paused or cut off goes on where it is asked again. */
  async start(run: { id: string; name: string }, how: MomentsHow): Promise<void> {
    if (this.store.getState().work) return;
    const abort = new AbortController();
    this.abort = abort;
    const step = this.steps.begin({
      kind: 'measuring',
      key: 'measuring-moments',
      subject: `snapshots of ${run.name}`,
      cancel: () => this.pause(),
      word: 'Pause',
      place: { tab: 'distil' },
    });
    this.store.setState({ work: { run: run.id, progress: null }, error: null });
    const inception = how.features === 'inception' ? 'kept' : null;
    try {
      const distances = await this.client.measureRun(
        { run: run.id, inception, ...how },
        {
          signal: abort.signal,
          onProgress: (progress) => {
            step.progress(progress);
            this.store.setState({ work: { run: run.id, progress } });
          },
          onEvent: (distances) => this.show(run.id, distances),
        },
      );
      this.show(run.id, distances);
      step.end('done');
      this.store.setState({ work: null });
    } catch (error) {
      step.end(endOf(error));
      const known = asInnateError(error, 'backend');
      const line = known.code === 'cancelled' ? null : known.describe();
      this.store.setState({ work: null, error: line === null ? null : { run: run.id, line } });
    }
  }

  /** Stops; what was measured stays. */
  pause(): void {
    this.abort?.abort();
  }

  /** Forgets one curve. */
  async drop(run: string, { features, n }: Pick<RunDistances, 'features' | 'n'>): Promise<void> {
    try {
      this.show(run, await this.client.runs({ do: 'drop-distances', run, features, n }));
    } catch (error) {
      this.store.setState({ error: { run, line: asInnateError(error).describe() } });
    }
  }

  /** Another run may have come into view meanwhile: this one is read anew when it is opened. */
  private show(id: string, distances: readonly RunDistances[]): void {
    const { run } = this.distil.getState();
    if (run?.about.id === id) this.distil.setState({ run: { ...run, distances } });
  }
}
