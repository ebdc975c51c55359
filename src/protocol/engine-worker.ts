import { InnateError } from '../lib/errors';
import { sentence } from '../lib/words';
import type { ImageChunk } from './generate';
import type { Message, Payload, Request, Results } from './messages';
import type { EngineStatus, Progress, StartOptions } from './models';
import type { OpenedModels } from './opened-models';

export interface CallOptions {
  /** Aborting ends the call with an InnateError of code 'cancelled'. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
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

/**
 * The worker of the engine, and the calls to it. `makeWorker` is called again when a worker dies (out of memory, a
 * crash): the calls under way fail with a `backend` error, and the status says that the engine stopped. The next call
 * starts it afresh with the last start options and opens the user's files again under their keys; where that start
 * fails, the calls that wait for it fail with its error, and the next one tries again.
 */
export class EngineWorker {
  private readonly listeners = new Set<(status: EngineStatus) => void>();
  private readonly mourners = new Set<(isOpen: (key: string) => boolean) => void>();
  private readonly pending = new Map<number, Pending>();
  /** Errors of the engine as a whole. */
  private readonly halts = new WeakSet<InnateError>();
  private worker: Worker | null = null;
  /** The newest start is under way or has succeeded: who calls need not start first. */
  private started = false;
  /** The worker has the opened files. */
  private furnished = false;
  private startOptions: StartOptions | null = null;
  private lastStatus: EngineStatus | null = null;
  private nextId = 1;

  constructor(
    private readonly makeWorker: () => Worker,
    private readonly opened: OpenedModels,
  ) {}

  async start(options: StartOptions): Promise<EngineStatus> {
    this.startOptions = options;
    return this.begin(options);
  }

  /** Resolves with the `Results` of the payload's type; starts the worker where it does not run. */
  async call<K extends keyof Results>(
    payload: Payload & { type: K },
    options: Pending['options'] = {},
  ): Promise<Results[K]> {
    if (options.signal?.aborted) throw new InnateError('cancelled', 'cancelled');
    return this.send<Results[K]>(this.ready(), payload, options);
  }

  subscribe(listener: (status: EngineStatus) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  onGone(listener: (isOpen: (key: string) => boolean) => void): () => void {
    this.mourners.add(listener);
    return () => this.mourners.delete(listener);
  }

  dispose(): void {
    this.worker?.terminate();
    this.worker = null;
  }

  private tell(status: EngineStatus): void {
    this.lastStatus = status;
    for (const listener of this.listeners) listener(status);
  }

  private tellGone(): void {
    for (const mourner of this.mourners) mourner((key) => this.opened.has(key));
  }

  private onMessage({ data }: MessageEvent<Message>): void {
    if (data.type === 'status') {
      this.tell(data.status);
      return;
    }
    const call = this.pending.get(data.id);
    if (!call) return;
    if (data.type === 'progress') call.options.onProgress?.(data.progress);
    else if (data.type === 'images') call.options.onImages?.(data.chunk);
    else if ('event' in data) call.options.onEvent?.(data.event as never);
    else {
      this.pending.delete(data.id);
      if (data.ok) call.resolve(data.value as never);
      else call.reject(new InnateError(data.error.code, data.error.message, data.error.detail));
    }
  }

  /** Fails what is under way, from a call on; the engine has no back-end any more. */
  private stop(error: InnateError, from = 0): void {
    this.started = false;
    this.halts.add(error);
    const failing = [...this.pending].filter(([id]) => id >= from);
    for (const [id] of failing) this.pending.delete(id);
    if (this.lastStatus)
      this.tell({
        ...this.lastStatus,
        backend: null,
        model: null,
        memoryBytes: 0,
        precision: null,
        lastForward: null,
        notice: `${sentence(error.describe())}.`,
      });
    for (const [, { reject }] of failing) reject(error);
  }

  private onCrash(event: ErrorEvent | MessageEvent): void {
    event.preventDefault?.();
    this.worker?.terminate();
    this.worker = null;
    this.furnished = false;
    const reason = ('message' in event && event.message) || 'no reason given';
    this.stop(
      new InnateError('backend', 'the engine stopped', {
        found: reason,
        hint: 'Try again: it starts anew, and a distillation goes on from its last save',
      }),
    );
    this.tellGone();
  }

  private makeOne(): Worker {
    const made = this.makeWorker();
    made.onmessage = (event) => this.onMessage(event);
    made.onerror = (event) => this.onCrash(event);
    made.onmessageerror = (event) => this.onCrash(event);
    return made;
  }

  /** A worker that has been told to start, where it is known how. */
  private ready(): Worker {
    this.worker ??= this.makeOne();
    if (!this.started && this.startOptions) this.begin(this.startOptions).catch(() => {}); // whoever waits for it is told
    return this.worker;
  }

  /** Starts the worker, and gives one that is new the opened files. */
  private begin(options: StartOptions): Promise<EngineStatus> {
    this.worker ??= this.makeOne();
    this.started = true;
    const id = this.nextId;
    const start = this.send<EngineStatus>(this.worker, { type: 'start', options });
    start.then(
      () => {
        this.furnished = true;
      },
      (error) => {
        // Another start that waits decides for the calls behind it.
        const newer = [...this.pending].some(([other, { type }]) => other > id && type === 'start');
        if (!newer && this.started) this.stop(error, id);
      },
    );
    if (!this.furnished) for (const [key, payloads] of this.opened) this.reopen(this.worker, key, payloads);
    return start;
  }

  private reopen(target: Worker, key: string, payloads: readonly Payload[]): void {
    for (const payload of payloads)
      this.send(target, payload).catch((error) => {
        // What failed with the engine is tried again at its next start.
        if (!this.halts.has(error) && this.opened.lose(key)) this.tellGone();
      });
  }

  /** Resolves with the `Results` of the payload's type. */
  private send<T>(target: Worker, payload: Payload, options: Pending['options'] = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      this.pending.set(id, { type: payload.type, resolve, reject, options });
      options.signal?.addEventListener('abort', () => {
        if (this.pending.has(id))
          this.worker?.postMessage({ type: 'cancel', id: this.nextId++, target: id } satisfies Request);
      });
      target.postMessage({ ...payload, id } as Request);
    });
  }
}
