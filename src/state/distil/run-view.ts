import { InnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { ResumeRequest } from '../../protocol/runs';
import type { Stores } from '../app-state';
import { told } from './run-list';
import { type DistilRunState, isUnderWay, openedRun } from './store';

export interface RunView {
  /** Shows a saved run; the one under way when it is that. */
  openRun(id: string): Promise<void>;
  /** Goes on with a saved run: the one in view, or another. */
  resumeRun(id: string, how?: Partial<Omit<ResumeRequest, 'resume'>>): Promise<void>;
  /** Two runs beside each other. */
  compareRuns(a: string, b: string): Promise<void>;
}

export interface RunViewOptions {
  client: EngineClient;
  stores: Stores;
  /** Sends a request to the engine and shows the run that comes of it. */
  follow(run: DistilRunState, request: ResumeRequest): void;
}

/** Brings a saved run into view. */
export function runView({ client, stores: { distil }, follow }: RunViewOptions): RunView {
  return {
    openRun: (id) =>
      told(distil, async () => {
        const { run } = distil.getState();
        if (!run || !isUnderWay(run))
          distil.setState({ run: openedRun(await client.runs({ do: 'open', run: id })), shown: 'run' });
        else if (run.about.id === id) distil.setState({ shown: 'run' });
        else
          throw new InnateError('bad-argument', 'a run is under way', {
            where: run.about.name,
            hint: 'Stop it first, or wait until it ends',
          });
      }),

    resumeRun: (id, { changes = {}, from = 'last', files = [], teacher = null } = {}) =>
      told(distil, async () => {
        if (isUnderWay(distil.getState().run)) return;
        const run = openedRun(await client.runs({ do: 'open', run: id }));
        follow(
          {
            ...run,
            config: { ...run.config, ...changes },
            phase: 'preparing',
            error: null,
            wayBack: null,
            ended: false,
            interrupted: false,
          },
          { resume: id, from, changes, files, teacher },
        );
      }),

    compareRuns: (a, b) =>
      told(distil, async () => {
        const first = await client.runs({ do: 'open', run: a });
        distil.setState({ compared: [first, await client.runs({ do: 'open', run: b })], shown: 'compare' });
      }),
  };
}
