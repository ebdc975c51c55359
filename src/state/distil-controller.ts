import type { DistilConfig } from '../distil/config';
import type { EngineClient } from '../engine/client';
import type { DistilAction, DistilEvent } from '../engine/distil-protocol';
import type { ModelInfo } from '../engine/protocol';
import { asInnateError, InnateError } from '../lib/errors';
import type { Stores } from './app-state';
import { addSnapshot, type DistilRunState, type DistilState, isUnderWay } from './distil';
import {
  changed,
  type DistilSetup,
  distilRequest,
  MAX_SNAPSHOTS,
  NEW_SETUP,
  ownData,
  type SettledSetup,
  settleSetup,
} from './distil-setup';
import { usableModels } from './models';
import { Pace } from './pace';
import { parsePacks } from './packs';

export interface DistilControllerOptions {
  client: EngineClient;
  stores: Stores;
  /** Text of the list of sample packs. */
  loadPacks: () => Promise<string>;
  nextFrame: (callback: () => void) => void;
  now: () => number;
}

export interface DistilController {
  /** Reads the list of sample packs; does nothing where it is here or on its way. */
  loadPacks(): Promise<void>;
  /** Another teacher takes its own preset and data along; numbers that were changed stay. */
  chooseTeacher(key: string): void;
  set(changes: Partial<Omit<DistilSetup, 'teacher' | 'changes'>>): void;
  configure(changes: Partial<DistilConfig>): void;
  takeFiles(files: readonly File[]): void;
  start(): void;
  control(action: DistilAction): void;
  /** Back to the settings, which are those of the last run. */
  show(what: DistilState['shown']): void;
  /** Shows the student of the last run in the Generate tab. */
  useStudent(): void;
  exportStudent(): Promise<Blob>;
}

/** The flow of a distillation between the page and the engine. */
export function createDistilController(options: DistilControllerOptions): DistilController {
  const { client, stores, nextFrame, now } = options;
  const { distil, engine, view, catalogue } = stores;
  let loading: Promise<void> | null = null;
  let abort: AbortController | null = null;

  const settled = (): SettledSetup => {
    const models = usableModels(catalogue.getState().catalogue, engine.getState().opened);
    return settleSetup(distil.getState().setup, models, distil.getState().packs ?? []);
  };
  const setSetup = (change: (setup: DistilSetup) => DistilSetup) =>
    distil.setState((s) => ({ setup: change(s.setup) }));

  /** Follows one run from its request to its end. */
  function follow(run: DistilRunState): void {
    const pace = new Pace();
    const { history } = run;
    let scheduled = false;
    const mine = () => distil.getState().run?.number === run.number;
    const update = (change: Partial<DistilRunState>) => {
      if (mine()) distil.setState((s) => ({ run: { ...s.run!, ...change } }));
    };
    /** Points may come faster than a screen shows them: at most one update a frame. */
    const grown = () => {
      if (scheduled) return;
      scheduled = true;
      nextFrame(() => {
        scheduled = false;
        if (mine()) update({ version: distil.getState().run!.version + 1, pace: pace.value });
      });
    };
    const onEvent = (event: DistilEvent) => {
      switch (event.kind) {
        case 'phase':
          if (event.phase === 'paused') pace.pause();
          if (event.phase === 'running') pace.resume(now(), history.points.at(-1)?.images ?? 0);
          update({
            phase: event.phase,
            asked: null,
            preparing: null,
            ...(event.error !== null && { error: event.error }),
          });
          return;
        case 'preparing':
          update({ preparing: { what: event.what, done: event.done, total: event.total } });
          return;
        case 'plan':
          update({ plan: event.plan });
          return;
        case 'point': {
          history.points.push(event.point);
          const current = distil.getState().run;
          if (current?.phase === 'running') pace.step(now(), event.point.images);
          if (mine() && current?.asked === 'step') update({ asked: null });
          grown();
          return;
        }
        case 'samples':
          addSnapshot(history.snapshots, event, MAX_SNAPSHOTS);
          grown();
      }
    };
    abort = new AbortController();
    client.distil(run.request, { onEvent, signal: abort.signal }).then(
      (result) => {
        update({ phase: result.phase, asked: null, preparing: null, result, ended: true });
        const { student } = result;
        if (student) addOpened(student);
      },
      (error) => {
        const known = asInnateError(error, 'backend');
        const cancelled = known.code === 'cancelled';
        update({
          phase: cancelled ? 'stopped' : 'failed',
          asked: null,
          preparing: null,
          error: cancelled ? null : known.describe(),
          ended: true,
        });
      },
    );
  }

  function addOpened(info: ModelInfo): void {
    engine.setState((s) => ({ opened: [...s.opened.filter((m) => m.key !== info.key), info] }));
  }

  return {
    loadPacks() {
      if (distil.getState().packs) return Promise.resolve();
      loading ??= options
        .loadPacks()
        .then((text) => distil.setState({ packs: parsePacks(text), packsError: null }))
        .catch((error) => distil.setState({ packsError: asInnateError(error).describe() }))
        .finally(() => {
          loading = null;
        });
      return loading;
    },

    chooseTeacher: (key) =>
      setSetup((setup) => ({
        ...setup,
        teacher: key,
        student: null,
        preset: null,
        data: setup.data === 'own' ? 'own' : null,
      })),

    set: (changes) =>
      setSetup((setup) => ({
        ...setup,
        ...changes,
        // A preset chosen by hand means its numbers; the method is a choice of its own.
        ...('preset' in changes && {
          changes: setup.changes.method ? { method: setup.changes.method } : NEW_SETUP.changes,
        }),
      })),

    configure(changes) {
      const { base } = settled();
      setSetup((setup) => changed(setup, base, changes));
    },

    takeFiles(files) {
      if (files.length > 0) setSetup((setup) => ({ ...setup, data: 'own', own: ownData(files) }));
    },

    start() {
      const { setup, run: last } = distil.getState();
      if (isUnderWay(last)) return;
      const ready = settled();
      const request = distilRequest(setup, ready);
      if (!request) return;
      const run: DistilRunState = {
        number: (last?.number ?? 0) + 1,
        request,
        teacher: ready.teacher!,
        name: studentName(ready.teacher!.name),
        dataName: ready.own?.name ?? ready.pack!.name,
        phase: 'preparing',
        asked: null,
        preparing: null,
        plan: null,
        history: { points: [], snapshots: [] },
        version: 0,
        pace: null,
        error: null,
        result: null,
        ended: false,
      };
      distil.setState({ run, shown: 'run' });
      follow(run);
    },

    control(action) {
      const { run } = distil.getState();
      if (!run || run.ended) return;
      distil.setState({ run: { ...run, asked: action } });
      // Nothing is made yet: there is no student to keep.
      if (action === 'stop' && run.phase === 'preparing') abort?.abort();
      client.controlDistil(action).catch(() => {}); // the run itself reports what went wrong
    },

    show: (what) => distil.setState((s) => ({ shown: what === 'run' && !s.run ? 'setup' : what })),

    useStudent() {
      const student = distil.getState().run?.result?.student;
      if (student) view.setState({ model: student.key, steps: null, sampler: 'one-step', tab: 'generate' });
    },

    async exportStudent() {
      const student = distil.getState().run?.result?.student;
      if (!student) throw new InnateError('not-found', 'there is no student yet');
      return client.exportModel({ kind: 'opened', key: student.key }, 'f16');
    },
  };
}

/** "Clothes, diffusion teacher" teaches "Clothes student". */
export const studentName = (teacher: string): string =>
  `${teacher.replace(/,.*$/s, '').replace(/\.(pkl|pt|pth|bin|safetensors)$/i, '')} student`;
