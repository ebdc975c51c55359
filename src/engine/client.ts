import { InnateError } from '../lib/errors';
import type {
  DistilAction,
  DistilEvent,
  DistilRequest,
  DistilResult,
  MeasureRequest,
  MeasureResult,
  StepEstimate,
} from './distil-protocol';
import type {
  InspectEvent,
  InspectOutcome,
  InspectRequest,
  LookRequest,
  LookResult,
} from './layers-protocol';
import type {
  EngineStatus,
  GenerateOutcome,
  GenerateRequest,
  ImageChunk,
  Message,
  ModelInfo,
  ModelRef,
  Progress,
  Request,
  Results,
  StartOptions,
} from './protocol';
import type { ResumeRequest, RunsCall, RunsResults } from './runs-protocol';

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
  open(file: File, options?: CallOptions & { precond?: 'EDMPrecond' | 'GDDPrecond' }): Promise<ModelInfo>;
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
  dispose(): void;
}

interface Pending {
  resolve: (value: never) => void;
  reject: (error: InnateError) => void;
  options: CallOptions & {
    onImages?: (chunk: ImageChunk) => void;
    onEvent?: (event: never) => void;
  };
}

type Payload = Request extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;

/**
 * `makeWorker` is called again when a worker dies (out of memory, a crash): the calls under way fail with a
 * `backend` error, the next one starts afresh with the last start options.
 */
export function createEngineClient(makeWorker: () => Worker): EngineClient {
  const listeners = new Set<(status: EngineStatus) => void>();
  const pending = new Map<number, Pending>();
  let worker: Worker | null = null;
  let startOptions: StartOptions | null = null;
  let nextId = 1;

  function onMessage({ data }: MessageEvent<Message>): void {
    if (data.type === 'status') {
      for (const listener of listeners) listener(data.status);
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

  function onCrash(event: ErrorEvent | MessageEvent): void {
    event.preventDefault?.();
    worker?.terminate();
    worker = null;
    const reason = event instanceof ErrorEvent && event.message ? event.message : 'no reason given';
    for (const { reject } of pending.values())
      reject(
        new InnateError('backend', 'the engine stopped', {
          found: reason,
          hint: 'Try again: it starts anew, and a distillation goes on from its last save',
        }),
      );
    pending.clear();
  }

  function ensureWorker(): Worker {
    if (worker) return worker;
    worker = makeWorker();
    worker.onmessage = onMessage;
    worker.onerror = onCrash;
    worker.onmessageerror = onCrash;
    if (startOptions)
      worker.postMessage({ type: 'start', id: nextId++, options: startOptions } satisfies Request);
    return worker;
  }

  function call<K extends keyof Results>(
    payload: Payload & { type: K },
    options: Pending['options'] = {},
  ): Promise<Results[K]> {
    return new Promise((resolve, reject) => {
      if (options.signal?.aborted) {
        reject(new InnateError('cancelled', 'cancelled'));
        return;
      }
      const target = ensureWorker();
      const id = nextId++;
      pending.set(id, { resolve, reject, options });
      options.signal?.addEventListener('abort', () => {
        if (pending.has(id))
          worker?.postMessage({ type: 'cancel', id: nextId++, target: id } satisfies Request);
      });
      target.postMessage({ ...payload, id } as Request);
    });
  }

  return {
    start(options) {
      const started = call({ type: 'start', options });
      startOptions = options;
      return started;
    },
    open: (file, options = {}) =>
      call(
        options.precond ? { type: 'open', file, precond: options.precond } : { type: 'open', file },
        options,
      ),
    load: (model, options) => call({ type: 'load', model }, options),
    generate: (request, options) => call({ type: 'generate', request }, options),
    distil: (request, options) => call({ type: 'distil', request }, options),
    async controlDistil(action) {
      await call({ type: 'distil-control', action });
    },
    runs: <C extends RunsCall>(request: C) =>
      call({ type: 'runs', call: request }) as Promise<RunsResults[C['do']]>,
    estimate: (request) => call({ type: 'estimate', request }),
    measure: (request, options) => call({ type: 'measure', request }, options),
    inspect: (request, options) => call({ type: 'inspect', request }, options),
    look: (request, options) => call({ type: 'look', request }, options),
    exportModel: (model, dtype, options) => call({ type: 'export', model, dtype }, options),
    setSigma: (key, sigma) => call({ type: 'set-sigma', key, sigma }),
    async forget(key) {
      await call({ type: 'forget', key });
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    dispose() {
      worker?.terminate();
      worker = null;
    },
  };
}
