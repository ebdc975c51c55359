import { openBackend } from '../../cli/backend';
import type { ActiveBackend } from '../../src/gpu/backends';

/** Whether the tests on WebGPU are to run: INNATE_TEST_BACKENDS names it. */
export const webgpuWanted = (process.env.INNATE_TEST_BACKENDS ?? 'wasm,cpu').split(',').includes('webgpu');

/** Opens WebGPU. What the device reports outside of every scope is added to `errors`, of which there should be none. */
export async function activateWebGpu(errors: string[]): Promise<ActiveBackend> {
  const active = await openBackend('webgpu');
  active.device!.addEventListener('uncapturederror', (e) =>
    errors.push((e as GPUUncapturedErrorEvent).error.message),
  );
  return active;
}
