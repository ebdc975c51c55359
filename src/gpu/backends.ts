import * as tf from '@tensorflow/tfjs-core';
import type { BackendName, TileChoice } from '../lib/backends';
import { InnateError, OutOfMemory } from '../lib/errors';
import { loadPart } from '../lib/load-part';
import { describeAdapter, openDevice } from './adapter';
import { GpuContext } from './context';
import { deviceError } from './device-error';
import { chooseTraits } from './traits';

export interface ActiveBackend {
  name: BackendName;
  /** "SwiftShader (software)" for webgpu, "1 thread" for wasm. */
  label: string;
  software: boolean;
  /** webgpu only. */
  device?: GPUDevice;
  /** webgpu only: for our own kernels, on the same device. */
  gpu?: GpuContext;
}

type WebGPUBackend = ActiveBackend & Required<Pick<ActiveBackend, 'device' | 'gpu'>>;

interface GpuState {
  /** First error of the device, null without one. */
  error: GPUError | null;
  ready(): Promise<void>;
}

/** The state of the device in use; what an abandoned one still reports is of no concern. */
let current: GpuState | null = null;

/**
 * Call it before tensors are computed with op by op: on WebGPU it chooses kernels that the browser and the driver
 * take. Throws `KernelRefused` when there are none.
 */
export async function readyTensors(): Promise<void> {
  await current?.ready();
}

/**
 * Throws when the GPU has reported an error since the back-end was started. Errors come late and skip the work they
 * belong to, so that a result may be whatever its memory held before: call this before a result is used.
 */
export function checkDevice(): void {
  const error = current?.error ?? null;
  if (error !== null) throw deviceError(error, { hint: 'Use --backend wasm, or a smaller batch' });
}

export interface WebGPUOptions {
  tiles?: TileChoice;
  /** Whether kernels are compiled one after the other on the calling thread: for Dawn in Node. */
  synchronous?: boolean;
}

/** Makes TensorFlow.js run on `adapter`, with a device of our own. Each back-end's code is loaded on demand. */
export async function activateWebGPU(
  adapter: GPUAdapter,
  { tiles = 'auto', synchronous = false }: WebGPUOptions = {},
): Promise<WebGPUBackend> {
  const { label, software } = describeAdapter(adapter);
  const device = await openDevice(adapter);
  const traits = chooseTraits(device, adapter.info, software, tiles);
  const gpu = new GpuContext(device, software, traits, synchronous);
  const mine: GpuState = {
    error: null,
    ready: async () => (await import('./tensors/ready')).readyTensorKernels(gpu),
  };
  device.addEventListener('uncapturederror', (event) => {
    mine.error ??= (event as GPUUncapturedErrorEvent).error;
  });
  current = mine;
  const [{ WebGPUBackend }] = await Promise.all([
    loadPart(import('@tensorflow/tfjs-backend-webgpu/dist/backend_webgpu')),
    loadPart(import('@tensorflow/tfjs-backend-webgpu/dist/register_all_kernels')),
  ]);
  const { registerTensorKernels } = await loadPart(import('./tensors/register'));
  if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, adapter.info));
  await select('webgpu');
  registerTensorKernels(gpu, tf.backend());
  return { name: 'webgpu', label, software, device, gpu };
}

type WasmModule = { _malloc(bytes: number): number };

/**
 * `binaries` is the folder of the .wasm files (with a trailing slash), or a map from file name to URL. One thread:
 * only the SIMD kernels of inference use more.
 */
export async function activateWasm(binaries: string | Record<string, string>): Promise<ActiveBackend> {
  current = null;
  const wasm = await loadPart(import('@tensorflow/tfjs-backend-wasm'));
  // Its threaded build starts workers but computes on one thread all the same.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  wasm.setWasmPaths(
    typeof binaries === 'string' ? binaries : { 'tfjs-backend-wasm-threaded-simd.wasm': '', ...binaries },
  );
  await select('wasm');
  checkAllocations(tf.backend() as unknown as { wasm: WasmModule });
  return { name: 'wasm', label: threadLabel(1), software: true };
}

/** tfjs writes to address 0 where there was no memory: wrong numbers, or an error far from its cause. */
function checkAllocations({ wasm }: { wasm: WasmModule }): void {
  const { _malloc } = wasm;
  wasm._malloc = (bytes) => {
    const address = _malloc(bytes);
    if (address === 0 && bytes > 0)
      throw new OutOfMemory('backend', 'WebAssembly is out of memory', { found: `${bytes} bytes wanted` });
    return address;
  };
}

/**
 * Lets go of the module and its memory, which never shrinks and after a failure cannot be trusted. The next
 * `activateWasm` makes another one; tensors of the old one are gone.
 */
export function abandonWasm(): void {
  const factory = tf.findBackendFactory('wasm');
  const { registry } = tf.engine();
  if (!factory || !registry.wasm) return;
  registry.wasm.dispose = () => {}; // its own way needs a sound module; all of it is garbage in a moment
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', factory);
}

/** How many threads compute, in words. */
export const threadLabel = (threads: number): string => (threads === 1 ? '1 thread' : `${threads} threads`);

/** Starts plain JavaScript, which every machine has. */
export async function activateCpu(): Promise<ActiveBackend> {
  current = null;
  await import('@tensorflow/tfjs-backend-cpu');
  await select('cpu');
  return { name: 'cpu', label: 'plain JavaScript', software: true };
}

async function select(name: BackendName): Promise<void> {
  tf.enableProdMode(); // no advice on the console, no per-op checks of what the networks check once
  try {
    if (await tf.setBackend(name)) {
      await tf.ready();
      return;
    }
  } catch (error) {
    throw new InnateError('backend', `the ${name} back-end did not start`, {}, error);
  }
  throw new InnateError('backend', `the ${name} back-end did not start`, {
    hint: 'Choose another with --backend',
  });
}
