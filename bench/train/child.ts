import './stock';
import { asInnateError } from '../../src/lib/errors';
import { watchGpu } from '../page/gpu-counters';
import { openPlan } from './plan-engine';
import type { FromEngine, StepFigures, TrainRow } from './protocol';
import { openStockTfjs, openTfjs, type TrainEngine } from './tfjs-engines';

/** The process of one engine: it opens at the start, and makes an iteration whenever it is told to. */
const ENGINES: Readonly<Record<string, (row: TrainRow) => Promise<TrainEngine>>> = {
  plan: (row) => openPlan(row, 1),
  'plan, two threads': (row) => openPlan(row, 2),
  'plan, recomputed': (row) => openPlan(row, 1, true),
  tfjs: openTfjs,
  'tfjs-stock': openStockTfjs,
};

const say = (message: FromEngine): void => void process.send!(message);

async function main(): Promise<void> {
  const row = JSON.parse(process.argv[2]!) as TrainRow;
  const gpu = row.backend === 'webgpu' ? await watchedGpu() : null;
  const engine = await ENGINES[row.engine]!(row);
  process.on('message', () => void measured(engine, gpu).then((figures) => say({ figures }), fail));
  say({ ready: true });
}

/** WebGPU's classes are there before the back-end asks for them, so that every call of it is counted. */
async function watchedGpu() {
  const { globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  return watchGpu();
}

async function measured(engine: TrainEngine, gpu: ReturnType<typeof watchGpu> | null): Promise<StepFigures> {
  gpu?.restart();
  const before = process.cpuUsage();
  const started = performance.now();
  const { losses, bytes } = await engine.step();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  if (gpu?.errors.length) throw new Error(gpu.errors[0]);
  return {
    ms,
    processorMs: (user + system) / 1000,
    losses,
    dispatches: gpu?.dispatches ?? null,
    submits: gpu?.submits ?? null,
    encodeMs: gpu ? gpu.lastSubmit - started : null,
    peakBytes: gpu?.peakBytes ?? bytes,
  };
}

function fail(error: unknown): void {
  say({ failed: asInnateError(error).describe() });
}

main().catch(fail);
