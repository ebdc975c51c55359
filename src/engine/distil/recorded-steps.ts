import type { OpenExecutor } from '../../nn/plan/training/executor';
import { type StartThread, startPageThread } from '../../simd/threads';
import type { Device } from '../inference/device';

/**
 * What executes recorded steps of training on a back-end; undefined where nothing does. Its kernels are loaded when a run
 * asks for them.
 */
export function recordedSteps(
  { backend, threads }: Pick<Device, 'backend' | 'threads'>,
  startThread: StartThread = startPageThread,
): OpenExecutor | undefined {
  const { gpu, label } = backend;
  if (gpu)
    return async (dtype) => {
      const { WebGpuIterations } = await import('./webgpu-steps');
      return new WebGpuIterations(gpu, label, dtype);
    };
  if (backend.name !== 'wasm') return undefined;
  return async () => {
    const { WasmIterations } = await import('./wasm-steps');
    return new WasmIterations({ threads, startThread: threads > 1 ? startThread : null });
  };
}
