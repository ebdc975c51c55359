import { InnateError } from '../lib/errors';
import type { NetworkConfig } from '../nn/config';
import { Denoiser, type DenoiserOptions, type ImageDenoiser } from '../nn/denoiser';
import { PlannedDenoiser } from '../nn/plan/planned-denoiser';
import { WasmNetwork, type WasmOptions } from '../nn/plan/wasm-executor';
import type { WeightSource } from '../nn/weights';

export interface OpenedDenoiser {
  denoiser: ImageDenoiser;
  /** That share the work. */
  threads: number;
  /** Why the SIMD kernels do not run this network; null when they do. */
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
): Promise<OpenedDenoiser> {
  let threads = 1;
  try {
    const denoiser = await PlannedDenoiser.open(config, weights, async (plan, source) => {
      const network = await WasmNetwork.open(plan, source, options);
      threads = network.threads;
      return network;
    });
    return { denoiser, threads, refused: null };
  } catch (error) {
    if (!(error instanceof InnateError) || error.code !== 'unsupported') throw error;
    return { denoiser: Denoiser.open(config, weights, options), threads: 1, refused: error.describe() };
  }
}
