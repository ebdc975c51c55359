import { asInnateError, InnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { ResumeRequest, RunExport } from '../../protocol/runs';
import type { Stores } from '../app-state';
import { addOpened } from '../engine';
import { OWN_SAMPLING } from '../generate/view';
import { type DistilRunState, imagesSeen, isUnderWay, openedRun } from './store';

export interface RunsController {
  /** Reads the list of saved runs; the engine must have started. */
  loadRuns(): Promise<void>;
  /** Shows a saved run; the one under way when it is that. */
  openRun(id: string): Promise<void>;
  /** Goes on with a saved run: the one in view, or another. */
  resumeRun(id: string, how?: Partial<Omit<ResumeRequest, 'resume'>>): Promise<void>;
  describeRun(id: string, what: { name?: string; notes?: string }): Promise<void>;
  deleteRun(id: string): Promise<void>;
  /** Saves what a full disk did not take of the run in view; what goes wrong stays as its notice. */
  keepRun(): Promise<void>;
  /** Two runs beside each other. */
  compareRuns(a: string, b: string): Promise<void>;
  /** Shows a student in the Generate tab: of the run's end, or of a moment that was kept. */
  showStudent(images?: number | null): Promise<void>;
  exportRun(what: RunExport, images?: number | null): Promise<Blob>;
  /** Gives the newest state of a run that cannot be read, or all its files; null where that fails, which is told. */
  exportUnreadable(id: string, what: 'state' | 'files'): Promise<Blob | null>;
}

interface Options {
  client: EngineClient;
  stores: Stores;
  follow(run: DistilRunState, request: ResumeRequest): void;
}

/** The flow of saved runs between the page and the engine. */
export function createRunsController({ client, stores, follow }: Options): RunsController {
  const { distil, view } = stores;

  async function loadRuns(): Promise<void> {
    try {
      const list = await client.runs({ do: 'list' });
      distil.setState({ runs: list?.runs ?? null, unreadable: list?.unreadable ?? [], runsError: null });
    } catch (error) {
      distil.setState({ runsError: asInnateError(error).describe() });
    }
  }

  /** What goes wrong with a list is said above the list. */
  async function told(task: () => Promise<void>): Promise<void> {
    try {
      distil.setState({ runsError: null });
      await task();
    } catch (error) {
      distil.setState({ runsError: asInnateError(error).describe() });
    }
  }

  return {
    loadRuns,

    openRun: (id) =>
      told(async () => {
        const { run } = distil.getState();
        if (run?.about.id === id && isUnderWay(run)) distil.setState({ shown: 'run' });
        else if (isUnderWay(run))
          throw new InnateError('bad-argument', 'a run is under way', {
            where: run!.about.name,
            hint: 'Stop it first, or wait until it ends',
          });
        else distil.setState({ run: openedRun(await client.runs({ do: 'open', run: id })), shown: 'run' });
      }),

    resumeRun: (id, how = {}) =>
      told(async () => {
        if (isUnderWay(distil.getState().run)) return;
        const detail = await client.runs({ do: 'open', run: id });
        const run = openedRun(detail);
        const changes = how.changes ?? {};
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
          {
            resume: id,
            from: how.from ?? 'last',
            changes,
            files: how.files ?? [],
            teacher: how.teacher ?? null,
          },
        );
      }),

    describeRun: (id, what) =>
      told(async () => {
        await client.runs({ do: 'describe', run: id, ...what });
        const { run } = distil.getState();
        if (run?.about.id === id && what.name)
          distil.setState({ run: { ...run, about: { ...run.about, name: what.name } } });
        await loadRuns();
      }),

    deleteRun: (id) =>
      told(async () => {
        await client.runs({ do: 'delete', run: id });
        const { run } = distil.getState();
        if (run?.about.id === id) distil.setState({ run: null });
        await loadRuns();
      }),

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

    compareRuns: (a, b) =>
      told(async () => {
        const first = await client.runs({ do: 'open', run: a });
        distil.setState({ compared: [first, await client.runs({ do: 'open', run: b })], shown: 'compare' });
      }),

    async showStudent(images = null) {
      const { run } = distil.getState();
      if (!run) return;
      const made = images === null ? run.result?.student : null;
      const student = made ?? (await client.runs({ do: 'student', run: run.about.id, images }));
      addOpened(stores.engine, student);
      view.setState({
        model: student.key,
        classIndex: null,
        ...OWN_SAMPLING,
        tab: 'generate',
      });
    },

    async exportUnreadable(id, what) {
      let blob: Blob | null = null;
      await told(async () => {
        blob = await client.runs({ do: 'export', run: id, what, images: null });
      });
      return blob;
    },

    async exportRun(what, images = null) {
      const { run } = distil.getState();
      if (!run) throw new InnateError('not-found', 'there is no run in view');
      // What a full disk did not take is in the list too.
      const listed = distil.getState().runs?.some((r) => r.record.about.id === run.about.id);
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
