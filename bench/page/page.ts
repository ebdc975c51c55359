import type { BenchPage, Call, Reply } from './protocol';

/**
 * One worker an engine: each has its own GPU device, its own counters and its own copy of whatever library it
 * runs, and closing it frees everything.
 */
interface Client {
  worker: Worker;
  pending: Map<number, { resolve(value: unknown): void; reject(error: Error): void }>;
}

const clients = new Map<string, Client>();
let calls = 0;

function open(name: string): Client {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name });
  const client: Client = { worker, pending: new Map() };
  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    const waiting = client.pending.get(data.id);
    client.pending.delete(data.id);
    if ('error' in data) waiting?.reject(new Error(data.error));
    else waiting?.resolve(data.result);
  };
  worker.onerror = (event) => {
    for (const { reject } of client.pending.values()) reject(new Error(`${name}: ${event.message}`));
    client.pending.clear();
  };
  clients.set(name, client);
  return client;
}

const bench: BenchPage = {
  call(name, method, args) {
    const client = clients.get(name) ?? open(name);
    const call: Call = { id: calls++, method, args };
    return new Promise((resolve, reject) => {
      client.pending.set(call.id, { resolve, reject });
      client.worker.postMessage(call);
    });
  },
  close(name) {
    clients.get(name)?.worker.terminate();
    clients.delete(name);
  },
};

Object.assign(globalThis, { bench });
