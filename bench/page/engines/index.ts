import { InnateError } from '../../../src/lib/errors';
import { ENGINE_NAMES, type EngineName, TILE_ENGINE_NAMES } from '../../engine-names';
import type { BenchTask } from '../task';
import type { BenchEngine } from './engine';

/** Each engine's code is loaded by its own worker alone. */
const ENGINES: Record<EngineName, (task: BenchTask) => Promise<BenchEngine>> = {
  'innate-webgpu': async (task) => (await import('./innate')).innateWebGPU(task, 'f32'),
  'innate-webgpu-f16': async (task) => (await import('./innate')).innateWebGPU(task, 'f16'),
  'innate-webgpu-shared-f16': async (task) => (await import('./innate')).innateWebGPU(task, 'f16', 'shared'),
  'innate-webgpu-shared-arithmetic-f16': async (task) =>
    (await import('./innate')).innateWebGPU(task, 'f16', 'shared-f16'),
  'innate-wasm': async (task) => (await import('./innate')).innateWasm(task),
  'tfjs-webgpu': async (task) => (await import('./tfjs')).tfjsWebGPU(task),
  'ort-webgpu': async (task) => (await import('./ort')).openOrt(task, 'webgpu'),
  'ort-wasm': async (task) => (await import('./ort')).openOrt(task, 'wasm'),
};

export function openEngine(name: string, task: BenchTask): Promise<BenchEngine> {
  if (name in ENGINES) return ENGINES[name as EngineName](task);
  throw new InnateError('bad-argument', 'no such engine', {
    where: name,
    expected: [...ENGINE_NAMES, ...TILE_ENGINE_NAMES].join(', '),
  });
}
