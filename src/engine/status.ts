import { threadLabel } from '../gpu/backends';
import type { EngineStatus, ModelInfo } from '../protocol/models';
import type { Device } from './inference/device';
import type { Inference } from './inference/inference';

/** What a status is made of. */
export interface StatusParts extends Pick<EngineStatus, 'lastForward' | 'notice'> {
  device: Device | null;
  loaded: { info: ModelInfo; inference: Pick<Inference, 'threads' | 'bytes' | 'precision'> } | null;
  /** Bytes that are held beside the loaded model. */
  otherBytes: number;
}

/** The engine's state as the page is told of it. */
export function statusOf({ device, loaded, otherBytes, lastForward, notice }: StatusParts): EngineStatus {
  const inference = loaded?.inference;
  return {
    backend: device && {
      name: device.backend.name,
      label:
        device.backend.name === 'wasm'
          ? threadLabel(inference?.threads ?? device.threads)
          : device.backend.label,
      software: device.backend.software,
      float16: device.backend.device?.features.has('shader-f16') ?? false,
    },
    webgpuReason: device?.webgpuReason ?? null,
    kernels: device?.backend.gpu?.traits.reason ?? null,
    webgpuAvailable: device?.webgpuAvailable ?? false,
    crossOriginIsolated: globalThis.crossOriginIsolated ?? false,
    model: loaded?.info ?? null,
    memoryBytes: otherBytes + (inference?.bytes ?? 0),
    precision: inference?.precision ?? null,
    lastForward,
    notice,
  };
}
