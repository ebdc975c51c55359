import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { describeAdapter, probeAdapter } from '../src/gpu/adapter';
import { type ActiveBackend, activateCpu, activateWasm, activateWebGPU } from '../src/gpu/backends';
import { BACKEND_NAMES, type BackendName } from '../src/lib/backends';
import { InnateError } from '../src/lib/errors';

export type BackendChoice = 'auto' | BackendName;
export const BACKEND_CHOICES: readonly BackendChoice[] = ['auto', ...BACKEND_NAMES];

/**
 * Starts the chosen back-end in Node. 'auto' takes a hardware WebGPU adapter, else wasm: a software adapter is
 * many times slower than wasm. `note` is told in one line when the driver refuses a kernel and another takes its place.
 */
export async function openBackend(
  choice: BackendChoice,
  note: (line: string) => void = () => {},
): Promise<ActiveBackend> {
  const active = await startBackend(choice);
  if (active.gpu) active.gpu.onRefusal = (line) => note(`note: ${line}`);
  return active;
}

async function startBackend(choice: BackendChoice): Promise<ActiveBackend> {
  if (choice === 'cpu') return activateCpu();
  if (choice === 'wasm' || (choice === 'auto' && !hasGpuDevice())) return openWasm();
  const adapter = await nodeAdapter();
  if (choice === 'webgpu') {
    if (adapter) return activateWebGPU(adapter, { synchronous: true });
    throw new InnateError('backend', 'no WebGPU adapter', {
      expected: 'a Vulkan, Metal or D3D12 driver',
      hint: 'Install one (scripts/software-gpu/setup.sh brings a software adapter), or use --backend wasm',
    });
  }
  if (adapter && !describeAdapter(adapter).software) return activateWebGPU(adapter, { synchronous: true });
  return openWasm();
}

/** Linux shows a GPU as a device file; elsewhere only the driver knows. */
function hasGpuDevice(): boolean {
  return (
    process.platform !== 'linux' || ['/dev/dri', '/dev/nvidia0', '/dev/dxg'].some((file) => existsSync(file))
  );
}

/** Threads of the SIMD kernels. */
export const kernelThreads = (): number => Math.min(16, availableParallelism());

function openWasm(): Promise<ActiveBackend> {
  const require = createRequire(import.meta.url);
  return activateWasm(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
}

/** Dawn's adapter, with `navigator.gpu` and the WebGPU globals in place; null when there is none. */
async function nodeAdapter(): Promise<GPUAdapter | null> {
  preferLavapipe();
  try {
    const { create, globals } = await import('webgpu');
    Object.assign(globalThis, globals);
    const gpu = create([]) as GPU;
    // Node 20 has no navigator; later versions have one without gpu.
    Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true, writable: true });
    return await probeAdapter(gpu);
  } catch {
    return null; // the optional package, or libvulkan itself, is not installed
  }
}

/**
 * Where the only working Vulkan driver is Mesa's lavapipe, the other installed drivers are kept out of the way
 * and its widest vectors are used. The driver reads these when Dawn loads it.
 */
function preferLavapipe(): void {
  const env = process.env;
  if (process.platform !== 'linux') return;
  if (
    !existsSync('/dev/dri') &&
    !existsSync('/dev/nvidia0') &&
    !env.VK_ICD_FILENAMES &&
    !env.VK_DRIVER_FILES
  ) {
    const folder = '/usr/share/vulkan/icd.d';
    const icd = existsSync(folder) && readdirSync(folder).find((f) => f.startsWith('lvp_icd'));
    if (icd) env.VK_ICD_FILENAMES = join(folder, icd);
  }
  env.XDG_RUNTIME_DIR ??= '/tmp';
  if (!env.LP_NATIVE_VECTOR_WIDTH && readFileSync('/proc/cpuinfo', 'latin1').includes('avx512f'))
    env.LP_NATIVE_VECTOR_WIDTH = '512';
}
