import { asInnateError, InnateError } from '../lib/errors';
import { loadPart } from '../lib/load-part';
import type { DistilWorker } from './distil-worker';
import { type CallHooks, Engine } from './engine';
import type { InspectRequest, LookRequest } from './layers-protocol';
import type { LayersSession } from './layers-session';
import type { Message, Request, Results } from './protocol';

/**
 * The worker's message loop. Calls run one after the other; a newer `generate` supersedes those that wait or
 * run, `cancel` aborts one. Errors travel as values.
 */
type Call = Exclude<Request, { type: 'cancel' | 'distil-control' }>;

const post = (message: Message, transfer: Transferable[] = []) => postMessage(message, { transfer });
const engine: Engine = new Engine(
  (status) => post({ type: 'status', status }),
  () => {
    exclusively(() => engine.recoverIdle()).catch(() => {}); // the next call meets the same failure, and reports it
  },
);
const aborts = new Map<number, AbortController>();
/** Calls that take their turns in the queue step by step, or need none. */
const OWN_TURNS: ReadonlySet<Call['type']> = new Set([
  'distil',
  'runs',
  'estimate',
  'measure',
  'inspect',
  'look',
]);
let newestGenerate = 0;
let queue: Promise<void> = Promise.resolve();
let distillation: Promise<DistilWorker> | null = null;
/** Set once it is loaded. */
let distil: DistilWorker | null = null;
let distilling = false;
let layers: Promise<LayersSession> | null = null;
let newestInspect = 0;
const newestLook = new Map<string, number>();

/** Runs a task when those before it are done; its failure is its caller's. */
function exclusively<T>(task: () => Promise<T>): Promise<T> {
  const result = queue.then(task);
  queue = result.then(
    () => {},
    () => {},
  );
  return result;
}

addEventListener('message', ({ data }: MessageEvent<Request>) => {
  if (data.type === 'cancel') {
    aborts.get(data.target)?.abort();
    return;
  }
  if (data.type === 'distil-control') {
    distil?.session?.control(data.action);
    post({ type: 'settled', id: data.id, ok: true, value: null });
    return;
  }
  if (data.type === 'generate') newestGenerate = data.id;
  if (data.type === 'inspect') newestInspect = data.id;
  if (data.type === 'look') newestLook.set(data.request.slot, data.id);
  const abort = new AbortController();
  aborts.set(data.id, abort);
  if (OWN_TURNS.has(data.type)) void settle(data, abort.signal);
  else void exclusively(() => settle(data, abort.signal));
});

async function settle(request: Call, signal: AbortSignal): Promise<void> {
  const { id } = request;
  try {
    if (signal.aborted) throw new InnateError('cancelled', 'cancelled');
    post({ type: 'settled', id, ok: true, value: await perform(request, signal) });
  } catch (error) {
    const { code, message, detail } = asInnateError(error, 'backend');
    post({ type: 'settled', id, ok: false, error: { code, message, detail } });
  } finally {
    aborts.delete(id);
  }
}

async function perform(request: Call, signal: AbortSignal): Promise<Results[keyof Results]> {
  const { id } = request;
  const hooks: CallHooks = { signal, onProgress: (progress) => post({ type: 'progress', id, progress }) };
  switch (request.type) {
    case 'start':
      // A run under way moves to the new back-end from its last save.
      await distil?.session?.leaveDevice().catch(() => {});
      return engine.start(request.options);
    case 'open':
      return engine.open(request.file, request.precond, hooks);
    case 'set-sigma':
      return engine.setSigma(request.key, request.sigma);
    case 'load':
      return engine.load(request.model, hooks);
    case 'forget':
      engine.forget(request.key);
      return null;
    case 'export':
      return engine.exportModel(request.model, request.dtype, hooks);
    case 'distil':
      return oneAtATime(async () =>
        (await distillery()).distil(request.request, (event) =>
          post({ type: 'distil', id, event }, event.kind === 'samples' ? [event.pixels.buffer] : []),
        ),
      );
    case 'runs':
      return (await distillery()).runs(request.call);
    case 'estimate':
      return (await distillery()).estimate(request.request);
    case 'measure':
      return (await distillery()).measure(request.request, signal, hooks.onProgress);
    case 'inspect':
      return inspect(id, request.request, hooks);
    case 'look':
      return look(id, request.request, hooks);
    case 'generate':
      if (id !== newestGenerate) return 'superseded';
      return engine.generate(request.request, {
        ...hooks,
        onImages: (chunk) => post({ type: 'images', id, chunk }, [chunk.pixels.buffer]),
        superseded: () => id !== newestGenerate,
      });
  }
}

/** Loaded when it is first needed: who only generates does not download it. */
function distillery(): Promise<DistilWorker> {
  distillation ??= exclusively(async () => {
    const { DistilWorker } = await loadPart(import('./distil-worker'));
    distil = new DistilWorker(engine.distilServices(), exclusively); // the engine has started by its turn
    return distil;
  });
  distillation.catch(() => {
    distillation = null; // may be tried again
  });
  return distillation;
}

async function oneAtATime<T>(task: () => Promise<T>): Promise<T> {
  if (distilling)
    throw new InnateError('bad-argument', 'another distillation is under way', { hint: 'Stop it first' });
  distilling = true;
  try {
    return await task();
  } finally {
    distilling = false;
  }
}

async function inspect(id: number, request: InspectRequest, hooks: CallHooks): Promise<Results['inspect']> {
  const outcome = await (await layersSession()).inspect(request, {
    signal: hooks.signal,
    onProgress: hooks.onProgress,
    emit: (event) => post({ type: 'inspect', id, event }),
    stopped: () => hooks.signal.aborted || id !== newestInspect,
  });
  if (hooks.signal.aborted) throw new InnateError('cancelled', 'cancelled');
  return outcome;
}

async function look(id: number, request: LookRequest, hooks: CallHooks): Promise<Results['look']> {
  const result = await (await layersSession()).look(request, {
    ...hooks,
    stopped: () => hooks.signal.aborted || id !== newestLook.get(request.slot),
  });
  if (request.want === 'denoised' && result.kind === 'picture') engine.noteForward(result.ms, 1);
  return result;
}

/** Loaded when the inside of a network is first looked at. */
function layersSession(): Promise<LayersSession> {
  const started = exclusively(async () => engine.modelsUrl);
  layers ??= Promise.all([
    loadPart(import('./layers-session')),
    loadPart(import('./page-data')),
    started,
  ]).then(([{ LayersSession }, { PageData }, modelsUrl]) => {
    const session = new LayersSession({
      model: (ref, hooks) => exclusively(() => engine.borrow(ref, hooks)),
      network: (model) => engine.openNetwork(model),
      shared: (model) => engine.sharedNetwork(model),
      data: new PageData(modelsUrl),
      exclusively: (task) => exclusively(() => engine.onDevice(task)),
    });
    engine.alsoHeld(() => session.bytes);
    return session;
  });
  layers.catch(() => {
    layers = null; // may be tried again
  });
  return layers;
}
