import { GpuMemory } from './memory';
import { Pipelines } from './pipelines';
import { chooseTraits, type KernelTraits } from './traits';

/** A device with what our own kernels need of it: compiled pipelines, a memory ledger, the choice of kernels. */
export interface GpuContext {
  device: GPUDevice;
  memory: GpuMemory;
  pipelines: Pipelines;
  traits: KernelTraits;
  /** A CPU pretending to be a GPU: long submissions are split. */
  software: boolean;
}

export function gpuContext(
  device: GPUDevice,
  info: GPUAdapterInfo,
  software: boolean,
  traits: KernelTraits = chooseTraits(device, info, software),
): GpuContext {
  const node = typeof process !== 'undefined' && process.versions?.node !== undefined;
  return {
    device,
    memory: new GpuMemory(device),
    pipelines: new Pipelines(device, node),
    traits,
    software,
  };
}
