import { Worker } from 'node:worker_threads';
import type { StartThread } from '../src/simd/threads';

/** Gives Node's worker the names of a page's. */
const SHIM = `const { parentPort } = require('node:worker_threads');
globalThis.postMessage = (message) => parentPort.postMessage(message);
parentPort.on('message', (data) => globalThis.onmessage({ data }));
`;

/** Kernel threads in Node. They do not keep the process alive. */
export const startNodeThread: StartThread = (script, { message, failure }) => {
  const worker = new Worker(SHIM + script, { eval: true });
  worker.on('message', message);
  worker.on('error', (error) => failure(error.message));
  worker.on('exit', (code) => failure(`a thread ended with code ${code}`));
  worker.unref();
  return {
    post: (task) => worker.postMessage(task),
    terminate: () => {
      worker.removeAllListeners();
      void worker.terminate();
    },
  };
};
