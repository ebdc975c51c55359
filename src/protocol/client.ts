import { InnateError } from '../lib/errors';
import { sentence } from '../lib/words';
import type {
  DataCheck,
  DistilAction,
  DistilEvent,
  DistilRequest,
  DistilResult,
  MeasureRequest,
  MeasureResult,
  StepEstimate,
} from './distil';
import type { GenerateOutcome, GenerateRequest, ImageChunk } from './generate';
import type { InspectEvent, InspectOutcome, InspectRequest, LookRequest, LookResult } from './layers';
import type { Message, Request, Results } from './messages';
import type {
  EngineStatus,
  FileChoice,
  KeptModels,
  ModelInfo,
  ModelRef,
  Progress,
  StartOptions,
} from './models';
import type { ResumeRequest, RunsCall, RunsResults } from './runs';

export interface CallOptions {
  /** Aborting ends the call with an InnateError of code 'cancelled'. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

/** The engine as the page sees it; everything heavy happens in a worker. Rejections are InnateErrors. */
export interface EngineClient {
  /** Chooses and starts a back-end; called again, it switches. */
  start(options: StartOptions): Promise<EngineStatus>;
  /** Reads a checkpoint that the user chose; it can then be loaded by its key. */
  open(file: File, options?: CallOptions & { choice?: FileChoice }): Promise<ModelInfo>;
  /** Reads an opened file in another way; it keeps its key. */
  reread(key: string, choice: FileChoice): Promise<ModelInfo>;
  /** Keeps an opened file in this browser for the next visit, or no longer. */
  keep(key: string, keep: boolean, options?: CallOptions): Promise<ModelInfo>;
  /** Opens the files that this browser keeps. */
  kept(): Promise<KeptModels>;
  /** Puts a model on the back-end; `generate` does so by itself when needed. */
  load(model: ModelRef, options?: CallOptions): Promise<ModelInfo>;
  /**
   * Makes images; chunks arrive as they are ready. A newer call supersedes this one, which then resolves to
   * 'superseded' without further chunks.
   */
  generate(
    request: GenerateRequest,
    options: CallOptions & { onImages: (chunk: ImageChunk) => void },
  ): Promise<GenerateOutcome>;
  /**
   * Distils, or goes on with a saved run, until its images are seen or it is stopped; resolves with the student's
   * key, which `generate` takes. Images may be generated meanwhile: they wait for the end of the step under way.
   */
  distil(
    request: DistilRequest | ResumeRequest,
    options: CallOptions & { onEvent: (event: DistilEvent) => void },
  ): Promise<DistilResult>;
  /** Lists, reads, names and deletes the runs that this browser has saved. */
  runs<C extends RunsCall>(call: C): Promise<RunsResults[C['do']]>;
  /** What a step of that run would take, from a measured one. */
  estimate(request: DistilRequest): Promise<StepEstimate>;
  /** A look at a person's own images; nothing of them is kept. */
  checkData(files: readonly File[], name: string): Promise<DataCheck>;
  /** Fréchet distance of a model to real images, with its floor. */
  measure(request: MeasureRequest, options?: CallOptions): Promise<MeasureResult>;
  /** To the run under way; does nothing without one. */
  controlDistil(action: DistilAction): Promise<void>;
  /** Measures a network layer by layer; a newer call supersedes this one. Other calls go on in between. */
  inspect(
    request: InspectRequest,
    options: CallOptions & { onEvent: (event: InspectEvent) => void },
  ): Promise<InspectOutcome>;
  /** One seed at one noise level: a picture, or the feature maps of one layer. */
  look(request: LookRequest, options?: CallOptions): Promise<LookResult>;
  /** A model as a .safetensors file to save. */
  exportModel(model: ModelRef, dtype: 'f16' | 'f32', options?: CallOptions): Promise<Blob>;
  /** Another start sigma for an opened file. */
  setSigma(key: string, sigma: number): Promise<ModelInfo>;
  /** Frees an opened file. */
  forget(key: string): Promise<void>;
  subscribe(listener: (status: EngineStatus) => void): () => void;
  /**
   * Told when opened models are gone: the worker died with the students it had made, or a file of the user's could not
   * be opened again afterwards. `isOpen` says which are still there.
   */
  onGone(listener: (isOpen: (key: string) => boolean) => void): () => void;
  dispose(): void;
}

interface Pending {
  type: Request['type'];
  resolve: (value: never) => void;
  reject: (error: InnateError) => void;
  options: CallOptions & {
    onImages?: (chunk: ImageChunk) => void;
    onEvent?: (event: never) => void;
  };
}

type Payload = Request extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;

/**
 * `makeWorker` is called again when a worker dies (out of memory, a crash): the calls under way fail with a `backend`
 * error, and the status says that the engine stopped. The next call starts it afresh with the last start options and
 * opens the user's files again under their keys; where that start fails, the calls that wait for it fail with its
 * error, and the next one tries again.
 */
export function createEngineClient(makeWorker: () => Worker): EngineClient {
  const listeners = new Set<(status: EngineStatus) => void>();
  const mourners = new Set<(isOpen: (key: string) => boolean) => void>();
  const pending = new Map<number, Pending>();
  /** By key: the requests that make an opened file what it is, to be made again of another worker. */
  const opened = new Map<string, Payload[]>();
  /** By key: the request that opens a file from this page's own. */
  const files = new Map<string, Payload>();
  /** Errors of the engine as a whole. */
  const halts = new WeakSet<InnateError>();
  let worker: Worker | null = null;
  /** The newest start is under way or has succeeded: who calls need not start first. */
  let started = false;
  /** The worker has the opened files. */
  let furnished = false;
  let startOptions: StartOptions | null = null;
  let lastStatus: EngineStatus | null = null;
  let nextId = 1;

  function tell(status: EngineStatus): void {
    lastStatus = status;
    for (const listener of listeners) listener(status);
  }

  function tellGone(): void {
    for (const mourner of mourners) mourner((key) => opened.has(key));
  }

  function onMessage({ data }: MessageEvent<Message>): void {
    if (data.type === 'status') {
      tell(data.status);
      return;
    }
    const call = pending.get(data.id);
    if (!call) return;
    if (data.type === 'progress') call.options.onProgress?.(data.progress);
    else if (data.type === 'images') call.options.onImages?.(data.chunk);
    else if (data.type === 'distil' || data.type === 'inspect') call.options.onEvent?.(data.event as never);
    else {
      pending.delete(data.id);
      if (data.ok) call.resolve(data.value as never);
      else call.reject(new InnateError(data.error.code, data.error.message, data.error.detail));
    }
  }

  /** Fails what is under way, from a call on; the engine has no back-end any more. */
  function stop(error: InnateError, from = 0): void {
    started = false;
    halts.add(error);
    const failing = [...pending].filter(([id]) => id >= from);
    for (const [id] of failing) pending.delete(id);
    if (lastStatus)
      tell({
        ...lastStatus,
        backend: null,
        model: null,
        memoryBytes: 0,
        precision: null,
        lastForward: null,
        notice: `${sentence(error.describe())}.`,
      });
    for (const [, { reject }] of failing) reject(error);
  }

  function onCrash(event: ErrorEvent | MessageEvent): void {
    event.preventDefault?.();
    worker?.terminate();
    worker = null;
    furnished = false;
    const reason = ('message' in event && event.message) || 'no reason given';
    stop(
      new InnateError('backend', 'the engine stopped', {
        found: reason,
        hint: 'Try again: it starts anew, and a distillation goes on from its last save',
      }),
    );
    tellGone();
  }

  function makeOne(): Worker {
    const made = makeWorker();
    made.onmessage = onMessage;
    made.onerror = onCrash;
    made.onmessageerror = onCrash;
    return made;
  }

  /** A worker that has been told to start, where it is known how. */
  function ready(): Worker {
    worker ??= makeOne();
    if (!started && startOptions) begin(startOptions).catch(() => {}); // whoever waits for it is told
    return worker;
  }

  /** Starts the worker, and gives one that is new the opened files. */
  function begin(options: StartOptions): Promise<EngineStatus> {
    worker ??= makeOne();
    started = true;
    const id = nextId;
    const start = send<EngineStatus>(worker, { type: 'start', options });
    start.then(
      () => {
        furnished = true;
      },
      (error) => {
        // Another start that waits decides for the calls behind it.
        const newer = [...pending].some(([other, { type }]) => other > id && type === 'start');
        if (!newer && started) stop(error, id);
      },
    );
    if (!furnished) for (const [key, payloads] of opened) reopen(worker, key, payloads);
    return start;
  }

  function reopen(target: Worker, key: string, payloads: readonly Payload[]): void {
    for (const payload of payloads)
      send(target, payload).catch((error) => {
        // What failed with the engine is tried again at its next start.
        if (!halts.has(error) && opened.delete(key)) tellGone();
      });
  }

  /** Resolves with the `Results` of the payload's type. */
  function send<T>(target: Worker, payload: Payload, options: Pending['options'] = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const id = nextId++;
      pending.set(id, { type: payload.type, resolve, reject, options });
      options.signal?.addEventListener('abort', () => {
        if (pending.has(id))
          worker?.postMessage({ type: 'cancel', id: nextId++, target: id } satisfies Request);
      });
      target.postMessage({ ...payload, id } as Request);
    });
  }

  async function call<K extends keyof Results>(
    payload: Payload & { type: K },
    options: Pending['options'] = {},
  ): Promise<Results[K]> {
    if (options.signal?.aborted) throw new InnateError('cancelled', 'cancelled');
    return send<Results[K]>(ready(), payload, options);
  }

  return {
    async start(options) {
      startOptions = options;
      return begin(options);
    },
    async open(file, options = {}) {
      const payload = { type: 'open', file, choice: options.choice ?? {} } as const;
      const info = await call(payload, options);
      files.set(info.key, { ...payload, key: info.key });
      opened.set(info.key, [files.get(info.key)!]);
      return info;
    },
    async reread(key, choice) {
      const payload = { type: 'reread', key, choice } as const;
      const info = await call(payload);
      const others = opened.get(key)?.filter(({ type }) => type !== 'reread');
      if (others) opened.set(key, [...others, payload]);
      return info;
    },
    async keep(key, keep, options) {
      const info = await call({ type: 'keep', key, keep }, options);
      const file = files.get(key);
      // A kept file comes back as its copy says.
      if (keep) opened.set(key, [{ type: 'kept' }]);
      else if (file) opened.set(key, [file]);
      return info;
    },
    async kept() {
      const found = await call({ type: 'kept' });
      for (const { key } of found.models) opened.set(key, [{ type: 'kept' }]);
      return found;
    },
    load: (model, options) => call({ type: 'load', model }, options),
    generate: (request, options) => call({ type: 'generate', request }, options),
    distil: (request, options) => call({ type: 'distil', request }, options),
    async controlDistil(action) {
      await call({ type: 'distil-control', action });
    },
    runs: <C extends RunsCall>(request: C) =>
      call({ type: 'runs', call: request }) as Promise<RunsResults[C['do']]>,
    estimate: (request) => call({ type: 'estimate', request }),
    checkData: (files, name) => call({ type: 'check-data', files: [...files], name }),
    measure: (request, options) => call({ type: 'measure', request }, options),
    inspect: (request, options) => call({ type: 'inspect', request }, options),
    look: (request, options) => call({ type: 'look', request }, options),
    exportModel: (model, dtype, options) => call({ type: 'export', model, dtype }, options),
    async setSigma(key, sigma) {
      const payload = { type: 'set-sigma', key, sigma } as const;
      const info = await call(payload);
      const others = opened.get(key)?.filter(({ type }) => type !== 'set-sigma');
      if (others) opened.set(key, [...others, payload]);
      return info;
    },
    async forget(key) {
      opened.delete(key);
      files.delete(key);
      await call({ type: 'forget', key });
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onGone(listener) {
      mourners.add(listener);
      return () => mourners.delete(listener);
    },
    dispose() {
      worker?.terminate();
      worker = null;
    },
  };
}
