import { asInnateError, InnateError } from '../lib/errors';
import { type CallHooks, Engine } from './engine';
import type { Message, Request, Results } from './protocol';

/**
 * The worker's message loop. Calls run one after the other; a newer `generate` supersedes those that wait or
 * run, `cancel` aborts one. Errors travel as values.
 */
const post = (message: Message, transfer: Transferable[] = []) => postMessage(message, { transfer });
const engine: Engine = new Engine(
  (status) => post({ type: 'status', status }),
  () => {
    queue = queue.then(() => engine.recoverIdle()).catch(() => {}); // the next call meets the same failure, and reports it
  },
);
const aborts = new Map<number, AbortController>();
let newestGenerate = 0;
let queue: Promise<void> = Promise.resolve();

addEventListener('message', ({ data }: MessageEvent<Request>) => {
  if (data.type === 'cancel') {
    aborts.get(data.target)?.abort();
    return;
  }
  if (data.type === 'generate') newestGenerate = data.id;
  const abort = new AbortController();
  aborts.set(data.id, abort);
  queue = queue.then(() => settle(data, abort.signal));
});

async function settle(request: Exclude<Request, { type: 'cancel' }>, signal: AbortSignal): Promise<void> {
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

async function perform(
  request: Exclude<Request, { type: 'cancel' }>,
  signal: AbortSignal,
): Promise<Results[keyof Results]> {
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
    case 'generate':
      if (id !== newestGenerate) return 'superseded';
      return engine.generate(request.request, {
        ...hooks,
        onImages: (chunk) => post({ type: 'images', id, chunk }, [chunk.pixels.buffer]),
        superseded: () => id !== newestGenerate,
      });
  }
}
