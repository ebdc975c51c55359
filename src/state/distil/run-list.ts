import { asInnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { RunSummary } from '../../protocol/runs';
import type { Stores } from '../app-state';
import type { DistilStore } from './store';

export interface RunList {
  /** Reads the list of saved runs; the engine must have started. */
  loadRuns(): Promise<void>;
  describeRun(id: string, what: { name?: string; notes?: string }): Promise<void>;
  deleteRun(id: string): Promise<void>;
  /** Gives the newest state of a run that cannot be read, or all its files; null where that fails, which is told. */
  exportUnreadable(id: string, what: 'state' | 'files'): Promise<Blob | null>;
}

export interface RunListOptions {
  client: Pick<EngineClient, 'runs'>;
  stores: Pick<Stores, 'distil'>;
}

/** The saved runs as a list. */
export function runList({ client, stores: { distil } }: RunListOptions): RunList {
  async function loadRuns(): Promise<void> {
    try {
      const list = await client.runs({ do: 'list' });
      distil.setState({ runs: list?.runs ?? null, unreadable: list?.unreadable ?? [], runsError: null });
    } catch (error) {
      distil.setState({ runsError: asInnateError(error).describe() });
    }
  }

  return {
    loadRuns,

    describeRun: (id, what) =>
      told(distil, async () => {
        await client.runs({ do: 'describe', run: id, ...what });
        const { run } = distil.getState();
        if (run?.about.id === id && what.name)
          distil.setState({ run: { ...run, about: { ...run.about, name: what.name } } });
        await loadRuns();
      }),

    deleteRun: (id) =>
      told(distil, async () => {
        await client.runs({ do: 'delete', run: id });
        const { run } = distil.getState();
        if (run?.about.id === id) distil.setState({ run: null });
        await loadRuns();
      }),

    async exportUnreadable(id, what) {
      let blob: Blob | null = null;
      await told(distil, async () => {
        blob = await client.runs({ do: 'export', run: id, what, images: null });
      });
      return blob;
    },
  };
}

/**
 * The newest run that did not end by itself and that nobody writes; null where there is none. A run of the series that
 * waits, if one does, goes on with it and is left out.
 */
export const interruptedRun = (
  runs: readonly RunSummary[] | null,
  waiting: { id: string } | null,
): RunSummary | null =>
  runs?.find(
    ({ record: { end, about }, busy }) =>
      end === 'open' && !busy && !(waiting && about.series?.id === waiting.id),
  ) ?? null;

/** Does what the list of runs offers; what goes wrong is said above the list. */
export async function told(distil: DistilStore, task: () => Promise<void>): Promise<void> {
  try {
    distil.setState({ runsError: null });
    await task();
  } catch (error) {
    distil.setState({ runsError: asInnateError(error).describe() });
  }
}
