import { describeAdapter, openDevice, probeAdapter } from '../../src/gpu/adapter';
import { InnateError } from '../../src/lib/errors';
import type { BenchEngine } from './engines/engine';
import { openEngine } from './engines/index';
import { measurePeak } from './fma-peak';
import { watchGpu } from './gpu-counters';
import { runMicro } from './micro';
import { microCases } from './micro-cases';
import type { AdapterReport, Call, Reply, WorkerMethods } from './protocol';
import { loadTask } from './task';
import { watchMemory } from './wasm-memory';

// Before any engine's code is loaded.
const gpu = watchGpu();
const wasmBytes = watchMemory();

let engine: BenchEngine | null = null;
let output: Float32Array = new Float32Array();

const loaded = (): BenchEngine => {
  if (engine) return engine;
  throw new InnateError('bad-argument', 'no engine is loaded in this worker');
};

async function ownDevice(): Promise<GPUDevice> {
  const adapter = await probeAdapter(navigator.gpu);
  if (!adapter) throw new InnateError('backend', 'the browser gives no WebGPU adapter');
  return openDevice(adapter);
}

const methods: WorkerMethods = {
  async load(request) {
    engine = await openEngine(request.engine, await loadTask(request));
  },
  async prepare() {
    const started = performance.now();
    await loaded().prepare();
    return performance.now() - started;
  },
  async run() {
    gpu.restart();
    const started = performance.now();
    output = await loaded().run();
    const ms = performance.now() - started;
    if (!loaded().gpu) return { ms, encodeMs: null, dispatches: null, submits: null };
    const { lastSubmit, dispatches, submits } = gpu;
    return { ms, encodeMs: lastSubmit - started, dispatches, submits };
  },
  output: () => [...output],
  stats() {
    const { flops, bytesMoved, notes } = loaded().stats();
    return {
      peakBytes: loaded().gpu ? gpu.peakBytes : wasmBytes(),
      flops,
      bytesMoved,
      notes: [...notes],
      gpuErrors: gpu.errors,
    };
  },
  async adapter(): Promise<AdapterReport | null> {
    const adapter = await probeAdapter(navigator.gpu);
    if (!adapter) return null;
    const { vendor, architecture, device, description } = adapter.info;
    return {
      ...describeAdapter(adapter),
      description: [vendor, architecture, device, description].filter(Boolean).join(', '),
    };
  },
  async peak() {
    return measurePeak(await ownDevice());
  },
  async micro(peak) {
    return runMicro(await microCases(), peak, () => {
      if (gpu.errors.length > 0) throw new InnateError('backend', gpu.errors[0]!);
    });
  },
};

addEventListener('message', async ({ data: { id, method, args } }: MessageEvent<Call>) => {
  let reply: Reply;
  try {
    const call = methods[method] as (...args: unknown[]) => unknown;
    reply = { id, result: await call(...args) };
  } catch (error) {
    reply = { id, error: error instanceof InnateError ? error.describe() : String(error) };
  }
  postMessage(reply);
});
