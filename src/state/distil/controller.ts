import type { DistilConfig } from '../../distil/config';
import { asInnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { DistilAction, DistilRequest } from '../../protocol/distil';
import type { Stores } from '../app-state';
import { usableModels } from '../models';
import { followRun } from './follow';
import { parsePacks } from './packs';
import { createRunsController, type RunsController } from './runs-controller';
import {
  changed,
  type DistilSetup,
  distilRequest,
  estimateKey,
  NEW_SETUP,
  type OwnData,
  ownData,
  type SettledSetup,
  settleSetup,
} from './setup';
import { type DistilRunState, type DistilState, type EstimateState, isUnderWay } from './store';

export interface DistilControllerOptions {
  client: EngineClient;
  stores: Stores;
  /** Text of the list of sample packs. */
  loadPacks: () => Promise<string>;
  nextFrame: (callback: () => void) => void;
  now: () => number;
  /** Asks the browser not to clear what is saved when the disk runs full. */
  persist?: () => void;
  /** Makes the id of a new run. */
  newId?: () => string;
}

export interface DistilController extends RunsController {
  /** Reads the list of sample packs; does nothing where it is here or on its way. */
  loadPacks(): Promise<void>;
  /** Another teacher takes its own preset and data along; numbers that were changed stay. */
  chooseTeacher(key: string): void;
  set(changes: Partial<Omit<DistilSetup, 'teacher' | 'changes'>>): void;
  configure(changes: Partial<DistilConfig>): void;
  takeFiles(files: readonly File[]): void;
  /** Says what of some files was not taken; null = all were. */
  refuse(refused: string | null): void;
  start(): void;
  /** Measures a step of the run as it is set: what it would take. */
  estimate(): Promise<void>;
  control(action: DistilAction): void;
  /** Back to the settings, which are those of the last run. */
  show(what: DistilState['shown']): void;
}

/** The flow of a distillation between the page and the engine. */
export function createDistilController(options: DistilControllerOptions): DistilController {
  const { client, stores, nextFrame, now } = options;
  const { distil, engine, catalogue } = stores;
  let loading: Promise<void> | null = null;
  let abort: AbortController | null = null;

  const runs = createRunsController({ client, stores, follow });

  const settled = (): SettledSetup => {
    const models = usableModels(catalogue.getState().catalogue, engine.getState().opened);
    const { setup, packs } = distil.getState();
    return settleSetup(setup, models, packs ?? [], isFast(engine.getState()));
  };
  const setSetup = (change: (setup: DistilSetup) => DistilSetup) =>
    distil.setState((s) => ({ setup: change(s.setup) }));

  function follow(run: DistilRunState, request: Parameters<EngineClient['distil']>[0]): void {
    abort = new AbortController();
    const { signal } = abort;
    options.persist?.();
    distil.setState({ run, shown: 'run' });
    followRun(run, (onEvent) => client.distil(request, { onEvent, signal }), {
      stores,
      nextFrame,
      now,
      onEnd: () => void runs.loadRuns(),
    });
  }

  return {
    ...runs,

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
      if (files.length === 0) return;
      const own = ownData(files);
      setSetup((setup) => ({ ...setup, data: 'own', own }));
      // Files chosen since are looked at themselves.
      const settle = (found: Partial<OwnData>) =>
        setSetup((setup) =>
          setup.own?.files === own.files ? { ...setup, own: { ...own, ...found } } : setup,
        );
      client.checkData(own.files, own.name).then(
        (check) => settle({ check }),
        (error) => settle({ error: `${asInnateError(error).describe()}.` }),
      );
    },

    refuse: (refused) => distil.setState({ refused }),

    start() {
      const { run: last, runs: saved } = distil.getState();
      if (isUnderWay(last)) return;
      const numbers = [last?.about.number ?? 0, ...(saved ?? []).map((r) => r.record.about.number)];
      const request = distilRequest(settled(), {
        id: (options.newId ?? (() => crypto.randomUUID()))(),
        number: Math.max(...numbers) + 1,
      });
      if (request) follow(newRun(request), request);
    },

    async estimate() {
      const ready = settled();
      const request = distilRequest(ready, { id: 'estimate', number: 0 });
      const { run, estimate } = distil.getState();
      if (!request || isUnderWay(run) || (estimate && !estimate.value && !estimate.error)) return;
      const key = estimateKey(ready, engine.getState().status?.backend ?? null);
      const settle = (change: Partial<EstimateState>) => {
        if (distil.getState().estimate?.key === key)
          distil.setState({ estimate: { key, value: null, error: null, ...change } });
      };
      distil.setState({ estimate: { key, value: null, error: null } });
      await client.estimate(request).then(
        (value) => settle({ value }),
        (error) => settle({ error: asInnateError(error, 'backend').describe() }),
      );
    },

    control(action) {
      const { run } = distil.getState();
      if (!run || run.ended) return;
      if (action === 'pause' && run.phase === 'paused') return; // it is at rest: nothing would answer
      if (action !== 'save') distil.setState({ run: { ...run, asked: action } });
      // Nothing is made yet: there is no student to keep.
      if (action === 'stop' && run.phase === 'preparing') abort?.abort();
      client.controlDistil(action).catch(() => {}); // the run itself reports what went wrong
    },

    show: (what) => distil.setState((s) => ({ shown: what === 'run' && !s.run ? 'setup' : what })),
  };
}

/** Distances and large batches cost moments there. */
export const isFast = ({ status }: ReturnType<Stores['engine']['getState']>): boolean =>
  status?.backend?.name === 'webgpu' && !status.backend.software;

const newRun = ({ about, config, ...request }: DistilRequest): DistilRunState => ({
  about,
  config,
  request,
  phase: 'preparing',
  asked: null,
  preparing: null,
  plan: null,
  history: { points: [], snapshots: [] },
  version: 0,
  pace: null,
  beside: 0,
  error: null,
  wayBack: null,
  notices: {},
  saved: null,
  thinned: false,
  memoryBytes: null,
  peakBytes: null,
  ended: false,
  interrupted: false,
  result: null,
});
