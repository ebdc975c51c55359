import { readyTensors } from '../../gpu/backends';
import type { GpuContext } from '../../gpu/context';
import type { WeightPrecision } from '../../lib/backends';
import { InnateError } from '../../lib/errors';
import type { NetworkConfig } from '../../nn/config';
import { Denoiser, type DenoiserOptions } from '../../nn/denoiser';
import { parameterCount } from '../../nn/parameters';
import { PlannedDenoiser } from '../../nn/plan/planned-denoiser';
import { WasmNetwork, type WasmOptions } from '../../nn/plan/wasm/executor';
import { openWebGpu } from '../../nn/plan/webgpu/open';
import type { WeightSource } from '../../nn/weights';

/** A network on its plan, or op by op. */
export type AnyDenoiser = Denoiser | PlannedDenoiser;

/** The least that stays on the back-end. */
const RESIDENT_BYTES = 128 * 2 ** 20;

/**
 * Bytes of parameters that TensorFlow.js keeps on the back-end: all of a small network, part of a large one; the
 * rest is read from the file at every pass, which costs little beside the arithmetic and loses nothing. So a 296 M
 * network runs in less memory than its float16 form takes, plus what the process needs anyway.
 */
export const residentBytes = ({ unet }: NetworkConfig): number =>
  Math.max(RESIDENT_BYTES, parameterCount(unet));

export interface OpenedDenoiser {
  denoiser: AnyDenoiser;
  /** Why our own kernels do not run this network; null when they do. */
  refused: string | null;
}

/**
 * Inference on WebAssembly: the fused plan on the project's SIMD kernels. What they cannot take, for its shape or
 * its size, runs on TensorFlow.js, kernel by kernel on one thread.
 */
export async function openOnWasm(
  config: NetworkConfig,
  weights: WeightSource,
  options: WasmOptions & DenoiserOptions,
): Promise<OpenedDenoiser & { threads: number }> {
  let threads = 1;
  const opened = await plannedOrEager(config, weights, options, () =>
    PlannedDenoiser.open(config, weights, async (whole, source) => {
      const network = await WasmNetwork.open(whole, source, options);
      threads = network.threads;
      return network;
    }),
  );
  return { ...opened, threads };
}

/**
 * Inference on WebGPU: the static plan of fused kernels. In half precision weights are packed halves; should a
 * result not be finite, float32 takes over.
 */
export function openOnWebGpu(
  config: NetworkConfig,
  weights: WeightSource,
  { context, precision, ...options }: { context: GpuContext; precision: WeightPrecision } & DenoiserOptions,
): Promise<OpenedDenoiser> {
  return plannedOrEager(config, weights, options, () =>
    PlannedDenoiser.open(config, weights, openWebGpu(context, precision), {
      spare: precision === 'f16' ? openWebGpu(context, 'f32') : null,
    }),
  );
}

async function plannedOrEager(
  config: NetworkConfig,
  weights: WeightSource,
  options: DenoiserOptions,
  open: () => Promise<PlannedDenoiser>,
): Promise<OpenedDenoiser> {
  try {
    return { denoiser: await open(), refused: null };
  } catch (error) {
    if (!(error instanceof InnateError) || error.code !== 'unsupported') throw error;
    await readyTensors();
    return { denoiser: Denoiser.open(config, weights, options), refused: error.describe() };
  }
}
