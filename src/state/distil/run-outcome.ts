import { asInnateError, InnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { RunExport } from '../../protocol/runs';
import type { Stores } from '../app-state';
import { addOpened } from '../engine';
import { OWN_SAMPLING } from '../generate/view';
import type { RunList } from './run-list';
import { type DistilRunState, imagesSeen } from './store';

export interface RunOutcome {
  /** Saves what a full disk did not take of the run in view; what goes wrong stays as its notice. */
  keepRun(): Promise<void>;
  /** Shows a student in the Generate tab: of the run's end, or of a moment that was kept. */
  showStudent(images?: number | null): Promise<void>;
  exportRun(what: RunExport, images?: number | null): Promise<Blob>;
}

interface RunOutcomeOptions {
  client: Pick<EngineClient, 'runs' | 'exportModel'>;
  stores: Pick<Stores, 'distil' | 'engine' | 'view'>;
}

/** What the run in view came to: its student, and its files. */
export function runOutcome(
  { client, stores }: RunOutcomeOptions,
  { loadRuns }: Pick<RunList, 'loadRuns'>,
): RunOutcome {
  const { distil, engine, view } = stores;
  return {
    async keepRun() {
      const { run } = distil.getState();
      if (!run?.ended) return;
      const { id } = run.about;
      const settle = (change: Partial<DistilRunState>) => {
        const { run: now } = distil.getState();
        if (now?.about.id === id) distil.setState({ run: { ...now, ...change } });
      };
      try {
        await client.runs({ do: 'keep', run: id });
        settle({
          saved: { images: imagesSeen(run), at: 0 },
          notices: { ...run.notices, storage: undefined },
        });
      } catch (error) {
        settle({ notices: { ...run.notices, storage: asInnateError(error).describe() } });
      }
      await loadRuns();
    },

    async showStudent(images = null) {
      const { run } = distil.getState();
      if (!run) return;
      const made = images === null ? run.result?.student : null;
      const student = made ?? (await client.runs({ do: 'student', run: run.about.id, images }));
      addOpened(engine, student);
      view.setState({ model: student.key, classIndex: null, ...OWN_SAMPLING, tab: 'generate' });
    },

    async exportRun(what, images = null) {
      const { run, runs } = distil.getState();
      if (!run) throw new InnateError('not-found', 'there is no run in view');
      // What a full disk did not take is in the list too.
      const listed = runs?.some((r) => r.record.about.id === run.about.id);
      if (run.saved || listed) return client.runs({ do: 'export', run: run.about.id, what, images });
      const student = run.result?.student;
      if (!student || what !== 'student')
        throw new InnateError('not-found', 'this browser does not keep runs', {
          hint: 'Stop the run, then save the student whole',
        });
      return client.exportModel({ kind: 'opened', key: student.key }, 'f16');
    },
  };
}
