import { createStore, type StoreApi } from 'zustand/vanilla';
import { asInnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { CallOptions } from '../../protocol/engine-worker';
import {
  type InceptionSource,
  type MeasureFiles,
  type MeasureFilesCall,
  type MeasureReal,
  type NearestOf,
  type NearestResult,
  type NearestSpace,
  setsOf,
} from '../../protocol/measure';
import type { DataRef, ModelRef, Progress } from '../../protocol/models';
import { endOf, type LongSteps, type StepEnd, type StepTeller } from '../long-steps';
import type { ModelFacts } from '../models';
import { addResult, type MeasuredHow, type MeasureStore, type PendingMeasure } from './store';

/** The step of keeping Inception's file, in the list of what takes long. */
export const INCEPTION_KEY = 'keeping-inception';

/** What a look for copies asks for. */
export interface NearestAsked {
  ref: ModelRef;
  data: DataRef;
  space: NearestSpace;
  of: NearestOf;
  shown: number;
}

/** One search and what it found; a newer one takes its place. */
export interface Nearest {
  /** What `result` answers. */
  asked: NearestAsked | null;
  progress: Progress | null;
  busy: boolean;
  result: NearestResult | null;
  error: string | null;
}

export interface MeasureExtras {
  /** Inception's weights as a person opened them, where they are not kept. */
  inception: InceptionSource | null;
  /** What is kept in this browser; null before it was asked. */
  files: MeasureFiles | null;
  filesError: string | null;
  /** Nearest training images of one image, of a whole set, and of any seed of the model whose set was looked through. */
  one: Nearest;
  set: Nearest;
  seed: Nearest;
}

export type NearestSlot = 'one' | 'set' | 'seed';

const NOTHING: Nearest = { asked: null, progress: null, busy: false, result: null, error: null };

type Client = Pick<EngineClient, 'measure' | 'nearest' | 'measureFiles'>;

interface Options {
  client: Client;
  store: MeasureStore;
  steps: LongSteps;
  now?: () => number;
  newId?: () => string;
}

/** What the views that measure do; made when one of them is first shown. */
export class MeasureController {
  readonly extras: StoreApi<MeasureExtras> = createStore<MeasureExtras>(() => ({
    inception: null,
    files: null,
    filesError: null,
    one: NOTHING,
    set: NOTHING,
    seed: NOTHING,
  }));
  private readonly client: Client;
  private readonly store: MeasureStore;
  private readonly steps: LongSteps;
  private readonly now: () => number;
  private readonly newId: () => string;
  private abort: AbortController | null = null;
  private readonly searches: Record<NearestSlot, AbortController | null> = {
    one: null,
    set: null,
    seed: null,
  };

  constructor({ client, store, steps, now = Date.now, newId = () => crypto.randomUUID() }: Options) {
    this.client = client;
    this.store = store;
    this.steps = steps;
    this.now = now;
    this.newId = newId;
  }

  /** Begins anew; what an earlier measurement has saved goes. */
  async start({ key, name, ref }: ModelFacts, data: MeasureReal, how: MeasuredHow): Promise<void> {
    const { work, pending } = this.store.getState();
    if (work) return;
    if (pending) await this.files({ do: 'drop-run', id: pending.id });
    const about = {
      pack: data.kind === 'pack' ? data.id : null,
      name: data.kind === 'pack' ? data.id : data.name,
    };
    await this.run({ id: this.newId(), key, name, ref, how, data: about, done: 0 }, data);
  }

  /**
   * Goes on behind what was saved. `model` is what the pending one's key stands for now. Own images, which a page cannot keep, are
   * needed only where their features are not all there: `data` has them then.
   */
  async resume(model: ModelFacts, data: MeasureReal | null = null): Promise<void> {
    const { pending, work } = this.store.getState();
    if (!pending || work) return;
    const pack: DataRef | null = pending.data.pack === null ? null : { kind: 'pack', id: pending.data.pack };
    await this.run({ ...pending, ref: model.ref }, data ?? pack);
  }

  /** Stops; what was computed stays. */
  pause(): void {
    this.abort?.abort();
  }

  /** Stops, and nothing stays. */
  async cancel(): Promise<void> {
    const { pending } = this.store.getState();
    this.abort?.abort();
    await this.ended;
    this.store.setState({ pending: null, error: null });
    if (pending) await this.files({ do: 'drop-run', id: pending.id });
  }

  private ended: Promise<void> = Promise.resolve();

  private run(pending: PendingMeasure, data: MeasureReal | null): Promise<void> {
    this.ended = this.running(pending, data);
    return this.ended;
  }

  private async running(pending: PendingMeasure, data: MeasureReal | null): Promise<void> {
    const { id, key, name, ref, how } = pending;
    const abort = new AbortController();
    this.abort = abort;
    const step = this.steps.begin({
      kind: 'measuring',
      subject: name,
      cancel: () => this.pause(),
      word: 'Pause',
      place: { tab: 'models', measured: key },
    });
    this.store.setState({ pending, work: { key, progress: null }, error: null });
    const inception = how.features === 'inception' ? this.extras.getState().inception : null;
    try {
      const result = await this.client.measure(
        { id, model: ref, data, inception, ...how },
        { signal: abort.signal, onProgress: (progress) => this.follow(progress, step) },
      );
      step.end('done');
      addResult(this.store, key, { ...result, how, at: this.now() });
      this.store.setState({ work: null, pending: null });
    } catch (error) {
      step.end(endOf(error));
      const known = asInnateError(error, 'backend');
      this.store.setState({
        work: null,
        error: known.code === 'cancelled' ? null : { key, line: known.describe() },
      });
    }
  }

  private follow(progress: Progress, step: StepTeller): void {
    step.progress(progress);
    const { work, pending } = this.store.getState();
    if (!work || !pending) return;
    const counts = progress.what === 'generating' && progress.done > pending.done;
    this.store.setState({
      work: { ...work, progress },
      // Saved at most once in a hundredth of the way: it is only shown.
      ...(counts &&
        progress.done - pending.done >= totalOf(pending.how) / 100 && {
          pending: { ...pending, done: progress.done },
        }),
    });
  }

  /** Looks for nearest training images; a newer look of the same slot takes its place. */
  async nearest(slot: NearestSlot, whole: NearestAsked): Promise<void> {
    const { ref, ...asked } = whole;
    if (slot === 'set') this.forgetNearest('seed');
    this.searches[slot]?.abort();
    const abort = new AbortController();
    this.searches[slot] = abort;
    const set = (change: Partial<Nearest>) => {
      if (this.searches[slot] !== abort) return;
      this.extras.setState((extras) => ({ [slot]: { ...extras[slot], ...change } }));
    };
    set({ busy: true, progress: null, error: null });
    const inception = asked.space === 'inception' ? this.extras.getState().inception : null;
    try {
      const result = await this.client.nearest(
        { ...asked, model: ref, inception },
        { signal: abort.signal, onProgress: (progress) => set({ progress }) },
      );
      set({ result, asked: whole, busy: false });
      void this.files({ do: 'list' });
    } catch (error) {
      const known = asInnateError(error, 'backend');
      set({ busy: false, error: known.code === 'cancelled' ? null : known.describe() });
    }
  }

  /** Looks for one seed's as it was looked for the set's. */
  async nearestOfSeed(seed: number): Promise<void> {
    const { asked } = this.extras.getState().set;
    if (asked?.of.kind !== 'seeds') return;
    await this.nearest('seed', { ...asked, of: { ...asked.of, first: seed, count: 1 }, shown: 1 });
  }

  stopNearest(slot: NearestSlot): void {
    this.searches[slot]?.abort();
  }

  /** Nothing of an earlier search is shown any more. */
  forgetNearest(slot: NearestSlot): void {
    this.searches[slot]?.abort();
    this.searches[slot] = null;
    this.extras.setState({ [slot]: NOTHING });
  }

  openInception(file: File): void {
    this.extras.setState({ inception: file, filesError: null });
  }

  /** Keeps the opened file in this browser. */
  async keepInception(): Promise<void> {
    const { inception } = this.extras.getState();
    if (!(inception instanceof Blob)) return;
    const abort = new AbortController();
    const step = this.steps.begin({
      kind: 'keeping',
      key: INCEPTION_KEY,
      subject: 'Inception’s file',
      cancel: () => abort.abort(),
    });
    const onProgress = ({ done, total, unit }: Progress) => step.progress({ done, total, unit });
    step.end(await this.ask({ do: 'keep-inception', file: inception }, { signal: abort.signal, onProgress }));
  }

  /** Does something about what is kept; afterwards it is known anew. A kept Inception file is the one that is used. */
  async files(call: MeasureFilesCall): Promise<void> {
    await this.ask(call);
  }

  private async ask(call: MeasureFilesCall, options: CallOptions = {}): Promise<StepEnd> {
    try {
      const files = await this.client.measureFiles(call, options);
      const { inception } = this.extras.getState();
      const gone = inception === 'kept' && files.inception === null;
      const kept = files.inception !== null && (inception === null || call.do === 'keep-inception');
      this.extras.setState({
        files,
        filesError: null,
        inception: gone ? null : kept ? 'kept' : inception,
      });
      return 'done';
    } catch (error) {
      const end = endOf(error);
      if (end === 'failed') this.extras.setState({ filesError: asInnateError(error, 'io').describe() });
      return end;
    }
  }
}

/** Images of all sets. */
export function totalOf({ protocol, count }: MeasuredHow): number {
  const { perSet, sets } = setsOf(protocol, count);
  return perSet * sets;
}
