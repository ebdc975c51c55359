import { FAILED } from './record';

/** A worker of either kind: a page's, or Node's. */
export interface Thread {
  post(message: unknown): void;
  terminate(): void;
}

/** Starts a worker from the text of a classic script that uses `onmessage` and `postMessage`. */
export type StartThread = (
  script: string,
  on: { message: (data: unknown) => void; failure: (reason: string) => void },
) => Thread;

/** What a thread is told. */
export interface ThreadTask {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  thread: number;
}

/** The whole life of a thread: it says when it is ready, serves, and says when it cannot go on. */
export const THREAD_SCRIPT = `onmessage = ({ data: { module, memory, thread } }) => {
  try {
    const { exports } = new WebAssembly.Instance(module, { env: { memory, now: () => performance.now() } });
    postMessage({ ready: true });
    exports.serve(thread);
  } catch (error) {
    const words = new Int32Array(memory.buffer);
    Atomics.store(words, ${FAILED / 4}, 1);
    postMessage({ failed: String(error) });
  }
};`;

/** Starts a thread in a page or in one of its workers. */
export const startPageThread: StartThread = (script, { message, failure }) => {
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const worker = new Worker(url, { name: 'simd' });
  worker.onmessage = ({ data }) => {
    URL.revokeObjectURL(url);
    message(data);
  };
  worker.onerror = ({ message: reason }) => failure(reason || 'the thread did not start');
  return { post: (task) => worker.postMessage(task), terminate: () => worker.terminate() };
};
