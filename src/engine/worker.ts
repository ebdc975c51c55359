import { asInnateError, InnateError } from '../lib/errors';
import type { DistilRequest, DistilResult } from './distil-protocol';
import type { DistilSession } from './distil-session';
import { type CallHooks, Engine } from './engine';
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
let newestGenerate = 0;
let queue: Promise<void> = Promise.resolve();
let session: DistilSession | null = null;
let distilling = false;

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
    session?.control(data.action);
    post({ type: 'settled', id: data.id, ok: true, value: null });
    return;
  }
  if (data.type === 'distil') {
    void settle(data, new AbortController().signal); // its steps take their turns in the queue
    return;
  }
  if (data.type === 'generate') newestGenerate = data.id;
  const abort = new AbortController();
  aborts.set(data.id, abort);
  void exclusively(() => settle(data, abort.signal));
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
      return engine.start(request.options);
    case 'open':
      return engine.open(request.file, request.precond, hooks);
    case 'load':
      return engine.load(request.model, hooks);
    case 'forget':
      engine.forget(request.key);
      return null;
    case 'export':
      return engine.exportModel(request.model, request.dtype, hooks);
    case 'distil':
      return distil(id, request.request);
    case 'generate':
      if (id !== newestGenerate) return 'superseded';
      return engine.generate(request.request, {
        ...hooks,
        onImages: (chunk) => post({ type: 'images', id, chunk }, [chunk.pixels.buffer]),
        superseded: () => id !== newestGenerate,
      });
  }
}

async function distil(id: number, request: DistilRequest): Promise<DistilResult> {
  if (distilling)
    throw new InnateError('bad-argument', 'another distillation is under way', { hint: 'Stop it first' });
  distilling = true;
  try {
    // Loaded on the first run: who only generates does not download it.
    const [{ DistilSession }, { PageData }] = await Promise.all([
      import('./distil-session'),
      import('./page-data'),
    ]);
    const { modelsUrl, ...services } = engine.distilServices();
    session = new DistilSession(request, {
      ...services,
      data: new PageData(modelsUrl),
      exclusively,
      emit: (event) =>
        post({ type: 'distil', id, event }, event.kind === 'samples' ? [event.pixels.buffer] : []),
    });
    return await session.run();
  } finally {
    session = null;
    distilling = false;
  }
}
