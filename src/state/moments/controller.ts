import { createStore, type StoreApi } from 'zustand/vanilla';
import { asInnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { InceptionSource } from '../../protocol/measure';
import type { MeasureRunRequest, RunDistances } from '../../protocol/run-distances';
import type { DistilStore } from '../distil/store';
import { endOf, type LongSteps } from '../long-steps';

/** How many images of how many moments, and what they are compared by. */
export type MomentsHow = Pick<MeasureRunRequest, 'features' | 'count' | 'moments'>;

export interface MomentsState {
  /** One run at a time. */
  work: { run: string } | null;
  error: { run: string; line: string } | null;
}

interface Options {
  client: Pick<EngineClient, 'measureRun' | 'runs'>;
  distil: DistilStore;
  steps: LongSteps;
  /** Inception's weights, as Measure has them. */
  inception: () => InceptionSource | null;
}

/** The step of it in the list of what takes long, which says how far it is. */
export const MOMENTS_KEY = 'measuring-moments';

/** Measures the kept students of a run after the run; made when a run that is over is first shown. */
export class MomentsController {
  readonly store: StoreApi<MomentsState> = createStore<MomentsState>(() => ({
    work: null,
    error: null,
  }));
  private abort: AbortController | null = null;

  constructor(private readonly options: Options) {}

  /**
   * Measures what is not measured yet: a request that was paused or cut off goes on where it is asked again. `files`: the images
   * of a run that the browser could not keep.
   */
  async start(run: { id: string; name: string }, how: MomentsHow, files: File[] = []): Promise<void> {
    if (this.store.getState().work) return;
    const { client, steps } = this.options;
    const abort = new AbortController();
    this.abort = abort;
    const step = steps.begin({
      kind: 'measuring',
      key: MOMENTS_KEY,
      subject: `snapshots of ${run.name}`,
      cancel: () => this.pause(),
      word: 'Pause',
      place: { tab: 'distil', run: run.id },
    });
    this.store.setState({ work: { run: run.id }, error: null });
    const inception = how.features === 'inception' ? this.options.inception() : null;
    try {
      const distances = await client.measureRun(
        { run: run.id, inception, files, ...how },
        {
          signal: abort.signal,
          onProgress: (progress) => step.progress(progress),
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
      this.show(run, await this.options.client.runs({ do: 'drop-distances', run, features, n }));
    } catch (error) {
      this.store.setState({ error: { run, line: asInnateError(error).describe() } });
    }
  }

  /** Another run may have come into view meanwhile: this one is read anew when it is opened. */
  private show(id: string, distances: readonly RunDistances[]): void {
    const { distil } = this.options;
    const { run } = distil.getState();
    if (run?.about.id === id) distil.setState({ run: { ...run, distances } });
  }
}
