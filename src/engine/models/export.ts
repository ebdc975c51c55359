import { floatToHalf, halfToFloat } from '../../lib/half';
import { kwargsFromConfig, type NetworkConfig } from '../../nn/config';
import { parameterSpecs } from '../../nn/parameters';
import type { WeightSource } from '../../nn/weights';

export type StoredDType = 'f16' | 'f32';

/** A tensor on its way into a .safetensors file; bytes are made one tensor at a time. */
export interface ExportTensor {
  dtype: StoredDType;
  shape: readonly number[];
  bytes(): Uint8Array;
}

/**
 * Weight matrices and kernels may be float16; Fourier frequencies, norms and biases stay float32 (in float16
 * the frequencies alone would shift the phase by 0.05 rad, and the rest is small).
 */
export const storedDType = (shape: readonly number[], dtype: StoredDType): StoredDType =>
  shape.length >= 2 ? dtype : 'f32';

/** The values as a file of that dtype gives them back. */
export function roundToStored(
  values: Float32Array,
  shape: readonly number[],
  dtype: StoredDType,
): Float32Array {
  return storedDType(shape, dtype) === 'f16' ? halfToFloat(floatToHalf(values)) : values;
}

/** `weights` as a file of that dtype would hold them. */
export function roundedWeights(weights: WeightSource, dtype: StoredDType): WeightSource {
  return {
    names: () => weights.names(),
    shape: (name) => weights.shape(name),
    read: (name) => roundToStored(weights.read(name), weights.shape(name)!, dtype),
  };
}

/** A whole network, with the noise levels that iDDPMPrecond keeps beside it. */
export function exportWhole(
  config: NetworkConfig,
  weights: WeightSource,
  dtype: StoredDType,
): Map<string, ExportTensor> {
  const out = new Map<string, ExportTensor>();
  const stored = config.iddpm ? ['u'] : [];
  for (const name of [...parameterSpecs(config.unet).map((spec) => spec.name), ...stored]) {
    const shape = weights.shape(name);
    if (!shape) continue; // optional, and absent
    out.set(name, {
      dtype: storedDType(shape, dtype),
      shape,
      bytes: () => encode(weights.read(name), shape, dtype),
    });
  }
  return out;
}

/**
 * A student as differences to the teacher's stored values (see delta.ts). A tensor that rounds to exactly
 * what the teacher stores is left out.
 */
export function exportDelta(
  config: NetworkConfig,
  weights: WeightSource,
  teacher: WeightSource,
  dtype: StoredDType,
): Map<string, ExportTensor> {
  const out = new Map<string, ExportTensor>();
  for (const { name } of parameterSpecs(config.unet)) {
    const shape = weights.shape(name);
    if (!shape) continue;
    const base = teacher.read(name);
    const rounded = roundToStored(weights.read(name), shape, dtype);
    if (rounded.every((v, i) => v === base[i])) continue;
    const difference = (): Float32Array => {
      const stored = teacher.read(name);
      return weights.read(name).map((v, i) => v - stored[i]!);
    };
    out.set(name, {
      dtype: storedDType(shape, dtype),
      shape,
      bytes: () => encode(difference(), shape, dtype),
    });
  }
  return out;
}

/** The architecture as .safetensors metadata: what `openModel` reads back. */
export function configMetadata(config: NetworkConfig): Map<string, string> {
  const { top, model } = kwargsFromConfig(config);
  const metadata = new Map<string, string>([['precond', config.precond]]);
  for (const [key, value] of Object.entries(top)) metadata.set(key, String(value));
  metadata.set('model_kwargs', JSON.stringify(model));
  return metadata;
}

/** The same of a model, with where it starts. */
export const modelMetadata = ({
  config,
  sigma,
}: {
  config: NetworkConfig;
  sigma: number;
}): Map<string, string> => configMetadata(config).set('sigma', String(sigma));

function encode(values: Float32Array, shape: readonly number[], dtype: StoredDType): Uint8Array {
  const data = storedDType(shape, dtype) === 'f16' ? floatToHalf(values) : values;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
