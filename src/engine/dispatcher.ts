import { asInnateError, InnateError } from '../lib/errors';
import type { LatentsCall, LatentsResults } from '../protocol/latents';
import type { InspectRequest, LookRequest } from '../protocol/layers';
import type { Message, Request, Results } from '../protocol/messages';
import type { DistilWorker } from './distil/worker';
import type { Engine } from './engine';
import type { LayersSession } from './layers/session';
import type { CallHooks } from './services';

type Call = Exclude<Request, { type: 'cancel' | 'distil-control' }>;

/** Runs a task when those before it are done; its failure is its caller's. */
export type Exclusively = <T>(task: () => Promise<T>) => Promise<T>;

export interface DispatcherParts {
  engine: (onStatus: ConstructorParameters<typeof Engine>[0], onIdleFailure: () => void) => Engine;
  post: (message: Message, transfer?: Transferable[]) => void;
  /** Loaded when somebody brings a latent. */
  latents: () => Promise<(call: LatentsCall) => LatentsResults[LatentsCall['do']]>;
  /** Loaded when it is first needed: who only generates does not download it. */
  distil: (engine: Engine, exclusively: Exclusively) => Promise<DistilWorker>;
  /** Loaded when the inside of a network is first looked at. The engine has started when `modelsUrl` resolves. */
  layers: (engine: Engine, exclusively: Exclusively, modelsUrl: Promise<string>) => Promise<LayersSession>;
}

/**
 * Calls that hold the queue from their beginning to their end. All others take turns step by step, or none: a part that is
 * loaded when it is first needed waits for a turn itself, so a call to one must not hold the queue.
 */
const WHOLE_TURNS: ReadonlySet<Call['type']> = new Set([
  'start',
  'open',
  'reread',
  'kept',
  'set-sigma',
  'load',
  'forget',
  'export',
  'generate',
]);

/**
 * The worker's side of the protocol. Calls run one after the other; a newer `generate` supersedes those that wait or
 * run, `cancel` aborts one. Errors travel as values.
 */
export class Dispatcher {
  private readonly engine: Engine;
  private readonly aborts = new Map<number, AbortController>();
  private queue: Promise<unknown> = Promise.resolve();
  private distillation: Promise<DistilWorker> | null = null;
  /** Set once it is loaded. */
  private distil: DistilWorker | null = null;
  private distilling = false;
  private layers: Promise<LayersSession> | null = null;
  private newestGenerate = 0;
  private newestInspect = 0;
  private readonly newestLook = new Map<string, number>();

  constructor(private readonly parts: DispatcherParts) {
    this.engine = parts.engine(
      (status) => parts.post({ type: 'status', status }),
      () => {
        // The next call opens a device itself where this leaves none, and reports what fails.
        this.inTurn(() => this.engine.recoverIdle()).catch(() => {});
      },
    );
  }

  receive(request: Request): void {
    if (request.type === 'cancel') {
      this.aborts.get(request.target)?.abort();
      return;
    }
    if (request.type === 'distil-control') {
      this.distil?.session?.control(request.action);
      this.parts.post({ type: 'settled', id: request.id, ok: true, value: null });
      return;
    }
    if (request.type === 'generate' && !request.request.background) this.newestGenerate = request.id;
    if (request.type === 'inspect') this.newestInspect = request.id;
    if (request.type === 'look') this.newestLook.set(request.request.slot, request.id);
    const abort = new AbortController();
    this.aborts.set(request.id, abort);
    if (WHOLE_TURNS.has(request.type)) void this.inTurn(() => this.settle(request, abort.signal));
    else void this.settle(request, abort.signal);
  }

  private readonly inTurn: Exclusively = (task) => {
    const result = this.queue.then(task);
    this.queue = result.catch(() => {});
    return result;
  };

  /** A turn with a device, for the steps of calls that take their own. */
  private readonly exclusively: Exclusively = (task) =>
    this.inTurn(async () => {
      await this.engine.ready();
      return task();
    });

  private async settle(request: Call, signal: AbortSignal): Promise<void> {
    const { id } = request;
    const { post } = this.parts;
    try {
      if (signal.aborted) throw new InnateError('cancelled', 'cancelled');
      post({ type: 'settled', id, ok: true, value: await this.perform(request, signal) });
    } catch (error) {
      const { code, message, detail } = asInnateError(error, 'backend');
      post({ type: 'settled', id, ok: false, error: { code, message, detail } });
    } finally {
      this.aborts.delete(id);
    }
  }

  private async perform(request: Call, signal: AbortSignal): Promise<Results[keyof Results]> {
    const { id } = request;
    const { engine } = this;
    const { post } = this.parts;
    const hooks: CallHooks = { signal, onProgress: (progress) => post({ type: 'progress', id, progress }) };
    if (WHOLE_TURNS.has(request.type) && request.type !== 'start') await engine.ready();
    switch (request.type) {
      case 'start':
        // A run under way moves to the new back-end from its last save.
        await this.distil?.session?.leaveDevice().catch(() => {});
        return engine.start(request.options);
      case 'open':
        return engine.open(request.file, request.choice, hooks, request.key);
      case 'reread':
        return engine.reread(request.key, request.choice, hooks);
      case 'keep':
        return engine.keep(request.key, request.keep, hooks);
      case 'kept':
        return engine.kept(hooks);
      case 'set-sigma':
        return engine.setSigma(request.key, request.sigma);
      case 'load':
        return engine.load(request.model, hooks);
      case 'forget':
        await engine.forget(request.key);
        return null;
      case 'latents':
        return (await this.parts.latents())(request.call);
      case 'export':
        return engine.exportModel(request.model, request.dtype, hooks);
      case 'distil':
        return this.oneAtATime(async () =>
          (await this.distillery()).distil(request.request, (event) =>
            post({ type: 'distil', id, event }, event.kind === 'samples' ? [event.pixels.buffer] : []),
          ),
        );
      case 'runs':
        return (await this.distillery()).runs(request.call);
      case 'estimate':
        return (await this.distillery()).estimate(request.request);
      case 'parameters':
        return (await this.distillery()).parameters(request.model);
      case 'check-data':
        return (await this.distillery()).checkData(request.files, request.name);
      case 'check-paper-file':
        return (await this.distillery()).checkPaperFile(request.file, request.kind);
      case 'measure':
        return (await this.distillery()).measure(request.request, hooks);
      case 'measure-run':
        return (await this.distillery()).measureRun(request.request, {
          ...hooks,
          onMeasured: (event) => post({ type: 'measured', id, event }),
        });
      case 'nearest':
        return (await this.distillery()).nearest(request.request, hooks);
      case 'measure-files':
        return (await this.distillery()).measureFiles(request.call, hooks);
      case 'inspect':
        return this.inspect(id, request.request, hooks);
      case 'look':
        return this.look(id, request.request, hooks);
      case 'generate': {
        const superseded = () => !request.request.background && id !== this.newestGenerate;
        if (superseded()) return 'superseded';
        return engine.generate(request.request, {
          ...hooks,
          onImages: (chunk) => post({ type: 'images', id, chunk }, [chunk.pixels.buffer]),
          superseded,
        });
      }
    }
  }

  private distillery(): Promise<DistilWorker> {
    if (this.distillation) return this.distillation;
    const loading = this.exclusively(async () => {
      this.distil = await this.parts.distil(this.engine, this.exclusively);
      return this.distil;
    });
    loading.catch(() => {
      this.distillation = null; // may be tried again
    });
    this.distillation = loading;
    return loading;
  }

  private async oneAtATime<T>(task: () => Promise<T>): Promise<T> {
    if (this.distilling)
      throw new InnateError('bad-argument', 'another distillation is under way', { hint: 'Stop it first' });
    this.distilling = true;
    try {
      return await task();
    } finally {
      this.distilling = false;
    }
  }

  private async inspect(id: number, request: InspectRequest, hooks: CallHooks): Promise<Results['inspect']> {
    const session = await this.layersSession();
    const outcome = await session.inspect(request, {
      signal: hooks.signal,
      onProgress: hooks.onProgress,
      emit: (event) => this.parts.post({ type: 'inspect', id, event }),
      stopped: () => hooks.signal.aborted || id !== this.newestInspect,
    });
    if (hooks.signal.aborted) throw new InnateError('cancelled', 'cancelled');
    return outcome;
  }

  private async look(id: number, request: LookRequest, hooks: CallHooks): Promise<Results['look']> {
    const session = await this.layersSession();
    const result = await session.look(request, {
      ...hooks,
      stopped: () => hooks.signal.aborted || id !== this.newestLook.get(request.slot),
    });
    if (request.want === 'denoised' && result.kind === 'picture') this.engine.noteForward(result.ms, 1);
    return result;
  }

  private layersSession(): Promise<LayersSession> {
    if (this.layers) return this.layers;
    const modelsUrl = this.exclusively(async () => this.engine.modelsUrl);
    modelsUrl.catch(() => {}); // the loading fails with it
    const loading = this.parts.layers(this.engine, this.exclusively, modelsUrl);
    loading.catch(() => {
      this.layers = null; // may be tried again
    });
    this.layers = loading;
    return loading;
  }
}
