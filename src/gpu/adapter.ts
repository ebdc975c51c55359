import { InnateError } from '../lib/errors';

export interface AdapterDescription {
  /** For the status bar: "Apple M2", "NVIDIA ampere", "SwiftShader (software)". */
  label: string;
  /** A CPU pretending to be a GPU: correct, but many times slower than WebAssembly. */
  software: boolean;
  features: string[];
}

/** What an adapter says of itself, in words. */
export function describeAdapter(adapter: GPUAdapter): AdapterDescription {
  const { vendor, architecture, device, description } = adapter.info;
  const all = [vendor, architecture, device, description].join(' ').toLowerCase();
  const software = adapter.info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|software/.test(all);
  const name = /swiftshader/.test(all)
    ? 'SwiftShader'
    : description || device || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter';
  return { label: software ? `${name} (software)` : name, software, features: [...adapter.features].sort() };
}

/** Limits worth raising to whatever the adapter offers. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBuffersPerShaderStage',
] as const;

/** Features that kernels may choose to use; each is optional. */
const FEATURES = ['shader-f16', 'subgroups', 'timestamp-query'] as GPUFeatureName[];

/** Null when the platform offers none. */
export async function probeAdapter(gpu: GPU | undefined): Promise<GPUAdapter | null> {
  if (!gpu) return null;
  try {
    return await gpu.requestAdapter({ powerPreference: 'high-performance' });
  } catch {
    return null;
  }
}

/** A device with the adapter's own limits and the optional features it has. */
export async function openDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const limit of LIMITS) {
    const value = adapter.limits[limit];
    if (typeof value === 'number') requiredLimits[limit] = value;
  }
  try {
    return await adapter.requestDevice({
      label: 'innate',
      requiredFeatures: FEATURES.filter((f) => adapter.features.has(f)),
      requiredLimits,
    });
  } catch (error) {
    throw new InnateError(
      'backend',
      'the GPU refused a device',
      { where: describeAdapter(adapter).label, hint: 'Close other pages that use the GPU, or choose wasm' },
      error,
    );
  }
}
