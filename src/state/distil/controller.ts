import { asInnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { DistilAction, DistilRequest } from '../../protocol/distil';
import type { ModelRef } from '../../protocol/models';
import type { ResumeRequest } from '../../protocol/runs';
import type { Stores } from '../app-state';
import type { LongSteps } from '../long-steps';
import { estimateRun } from './estimate';
import { followRun } from './follow';
import { type FreezeLab, freezeLab } from './lab/controller';
import { newRun } from './new-run';
import { parsePacks } from './packs';
import { followStep } from './run-step';
import { createRunsController, type RunsController } from './runs-controller';
import { type Pictures, teacherPictures } from './series/claim';
import { createSeriesController, type SeriesController } from './series/controller';
import { distilSettings, type Settings, settledSetup } from './settings';
import { distilRequest } from './setup';
import { type DistilRunState, type DistilState, type DistilStore, isUnderWay } from './store';

export interface DistilControllerOptions {
  client: EngineClient;
  stores: Stores;
  steps: LongSteps;
  /** Text of the list of sample packs. */
  loadPacks: () => Promise<string>;
  nextFrame: (callback: () => void) => void;
  now: () => number;
  /** Asks the browser not to clear what is saved when the disk runs full. */
  persist?: () => void;
  /** Makes the id of a new run. */
  newId?: () => string;
}

export interface DistilController extends RunsController, Settings, SeriesController, FreezeLab {
  /** Reads the list of sample packs; does nothing where it is here or on its way. */
  loadPacks(): Promise<void>;
  start(): void;
  /** Measures a step of the run as it is set: what it would take. */
  estimate(): Promise<void>;
  control(action: DistilAction): void;
  /** The teacher's many-step images of seeds from that noise level; made once. */
  teacherPictures(teacher: ModelRef, seeds: readonly number[], sigma: number): Promise<Pictures>;
  /** Back to the settings, which are those of the last run. */
  show(what: DistilState['shown']): void;
}

/** The flow of a distillation between the page and the engine: its settings, its run, and the runs before it. */
export function createDistilController(options: DistilControllerOptions): DistilController {
  const { client, stores, nextFrame, now } = options;
  const { distil } = stores;
  /** Ends the call of the newest run before anything is made. */
  let abort: AbortController | null = null;

  const pictures = new Map<string, Promise<Pictures>>();

  const runs = createRunsController({ client, stores, follow });

  function follow(
    run: DistilRunState,
    request: DistilRequest | ResumeRequest,
    shown: DistilState['shown'] = 'run',
  ): void {
    abort = new AbortController();
    const { signal } = abort;
    options.persist?.();
    distil.setState({ run, shown });
    followRun(run, (onEvent) => client.distil(request, { onEvent, signal }), {
      stores,
      nextFrame,
      now,
      onEnd: () => void runs.loadRuns(),
    });
  }

  const newId = options.newId ?? (() => crypto.randomUUID());
  const newNumber = () => {
    const { run: last, runs: saved } = distil.getState();
    return Math.max(last?.about.number ?? 0, ...(saved ?? []).map((r) => r.record.about.number)) + 1;
  };
  const control = (action: DistilAction) => {
    const { run } = distil.getState();
    if (!run || run.ended) return;
    if (action === 'pause' && run.phase === 'paused') return; // it is at rest: nothing would answer
    if (action !== 'save') distil.setState({ run: { ...run, asked: action } });
    // Nothing is made yet: there is no student to keep.
    if (action === 'stop' && run.phase === 'preparing') abort?.abort();
    client.controlDistil(action).catch(() => {}); // the run itself reports what went wrong
  };
  followStep(distil, options.steps, () => control('pause'));

  return {
    ...runs,
    ...distilSettings(options),
    ...freezeLab({ client, stores }),
    ...createSeriesController({ client, stores, follow, resume: runs.resumeRun, control, newId, newNumber }),
    loadPacks: packLoader(distil, options.loadPacks),

    start() {
      if (isUnderWay(distil.getState().run)) return;
      const request = distilRequest(settledSetup(stores), { id: newId(), number: newNumber() });
      if (request) follow(newRun(request), request);
    },

    estimate: () => estimateRun(options),

    teacherPictures(teacher, seeds, sigma) {
      const key = JSON.stringify([teacher, seeds, sigma]);
      const made = pictures.get(key) ?? teacherPictures(client, teacher, seeds, sigma);
      pictures.set(key, made);
      made.catch(() => pictures.delete(key)); // may be tried again
      return made;
    },

    control,

    show: (what) => distil.setState((s) => ({ shown: what === 'run' && !s.run ? 'setup' : what })),
  };
}

/** Reads the list of sample packs into the store, unless it is there or on its way. */
function packLoader(distil: DistilStore, loadText: () => Promise<string>): () => Promise<void> {
  let loading: Promise<void> | null = null;
  return () => {
    if (distil.getState().packs) return Promise.resolve();
    loading ??= loadText()
      .then((text) => distil.setState({ packs: parsePacks(text), packsError: null }))
      .catch((error) => distil.setState({ packsError: asInnateError(error).describe() }))
      .finally(() => {
        loading = null;
      });
    return loading;
  };
}
