import * as tf from '@tensorflow/tfjs-core';
import { describeAdapter, probeAdapter } from '../../gpu/adapter';
import { type ActiveBackend, abandonWasm, activateWasm, activateWebGPU } from '../../gpu/backends';
import { deviceError, deviceLost } from '../../gpu/device-error';
import { InnateError } from '../../lib/errors';
import { sentence } from '../../lib/words';
import type { BackendPreference, StartOptions } from '../../protocol/models';

export interface Device {
  backend: ActiveBackend;
  /** How many threads run the SIMD kernels: they need shared memory, and that an isolated page. */
  threads: number;
  webgpuAvailable: boolean;
  /** Why WebGPU is not used; null when it is. */
  webgpuReason: string | null;
  /** Rejects when the GPU device is lost or reports an error that leaves results undefined. */
  failure: Promise<never>;
}

/** More share the memory's bandwidth without adding to it. */
const MAX_THREADS = 16;

/**
 * Chooses and starts a back-end in the worker: WebAssembly where there is no usable GPU, or where it refuses a device.
 * `avoidGpu`: why none is asked for, after failures that a GPU will not survive again.
 */
export async function openDevice(
  { preference, tiles, wasmBinaries }: StartOptions,
  avoidGpu: string | null = null,
): Promise<Device> {
  const { gpu } = navigator as Navigator & { gpu?: GPU };
  const adapter = avoidGpu ? null : await probeAdapter(gpu);
  let reason = avoidGpu ?? whyNoWebGPU(gpu, adapter, preference);
  if (adapter && reason === null) {
    try {
      const backend = await activateWebGPU(adapter, { ...(tiles && { tiles }) });
      const failure = failureOf(backend.device);
      return { backend, threads: 1, webgpuAvailable: true, webgpuReason: null, failure };
    } catch (error) {
      if (!(error instanceof InnateError) || error.code !== 'backend') throw error; // not the GPU: a part of the page
      reason = `${sentence(error.message)}: WebAssembly is used. Close other pages that use the GPU, then choose WebGPU again.`;
    }
  }
  const threads = crossOriginIsolated ? Math.max(1, Math.min(MAX_THREADS, navigator.hardwareConcurrency)) : 1;
  const backend = await activateWasm(wasmBinaries);
  return {
    backend,
    threads,
    webgpuAvailable: adapter !== null,
    webgpuReason: reason,
    failure: new Promise(() => {}),
  };
}

function whyNoWebGPU(
  gpu: GPU | undefined,
  adapter: GPUAdapter | null,
  preference: BackendPreference,
): string | null {
  if (!gpu && !isSecureContext)
    return 'WebGPU needs a secure page: open this one over https or on localhost.';
  if (!gpu)
    return 'This browser has no WebGPU. Chrome and Edge have it since version 113, Firefox since 141 on Windows, Safari since 26; on Linux Chrome may need chrome://flags/#enable-unsafe-webgpu, and Firefox dom.webgpu.enabled in about:config.';
  if (!adapter)
    return 'The browser found no usable GPU. chrome://gpu, or about:support in Firefox, says why; updating the graphics driver often helps.';
  if (preference === 'wasm') return 'WebAssembly was chosen in the settings.';
  const { software, label } = describeAdapter(adapter);
  if (software && preference === 'auto')
    return `The only WebGPU adapter is ${label}. WebAssembly is used because it is faster than a software adapter.`;
  return null;
}

function failureOf(device: GPUDevice): Promise<never> {
  const failure = new Promise<never>((_, reject) => {
    device.lost.then((info) => reject(deviceLost(info)));
    device.addEventListener('uncapturederror', (event) =>
      reject(deviceError((event as GPUUncapturedErrorEvent).error)),
    );
  });
  failure.catch(() => {}); // raced against work; never unhandled on its own
  return failure;
}

/** Frees everything on a back-end that will not be used again. */
export function abandonDevice({ backend }: Device): void {
  try {
    if (backend.name === 'webgpu') {
      backend.device?.destroy();
      tf.removeBackend('webgpu');
    } else abandonWasm();
  } catch {
    // A lost device may fail to free what is gone anyway.
  }
}
