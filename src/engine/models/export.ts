import { writeSafetensors } from '../../formats/safetensors';
import { InnateError } from '../../lib/errors';
import { floatToHalf, halfToFloat } from '../../lib/half';
import { kwargsFromConfig, type NetworkConfig } from '../../nn/config';
import { parameterSpecs } from '../../nn/parameters';
import { type WeightSource, weightPieces } from '../../nn/weights';
import { ASSUMED, CONVERTED_ENTRY, type Model, PRECOND_FROM } from './model';
import { SIGMA_FROM } from './start-sigma';
import { samplingMetadata } from './student-steps';

export type StoredDType = 'f16' | 'f32';

/** A tensor on its way into a .safetensors file; bytes are made a piece at a time. */
export interface ExportTensor {
  dtype: StoredDType;
  shape: readonly number[];
  bytes(): Iterable<Uint8Array>;
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

/** The pieces of a .safetensors file with a model's whole network. */
export const wholeFile = (model: Model, dtype: StoredDType): Uint8Array[] => [
  ...writeSafetensors({
    tensors: exportWhole(model.config, model.published ?? model.weights, dtype),
    metadata: wholeMetadata(model),
  }),
];

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
      bytes: () => encode(name, weightPieces(weights, name), storedDType(shape, dtype)),
    });
  }
  return out;
}

/**
 * A student as differences to the teacher's stored values (see delta.ts). A tensor that is what the teacher stores, or
 * rounds to it, is left out: so is all that was frozen.
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
    const values = weights.read(name);
    const rounded = roundToStored(values, shape, dtype);
    if (values.every((v, i) => v === base[i]) || rounded.every((v, i) => v === base[i])) continue;
    const difference = (): Float32Array => {
      const stored = teacher.read(name);
      return weights.read(name).map((v, i) => v - stored[i]!);
    };
    out.set(name, {
      dtype: storedDType(shape, dtype),
      shape,
      bytes: () => encode(name, [difference()], storedDType(shape, dtype)),
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

/**
 * The same of a model that is written whole, with how it is sampled and what its own file says beside. What was guessed or
 * assumed is written with a mark: whoever opens the file is told, and may choose.
 */
export function wholeMetadata(model: Model): Map<string, string> {
  const { config, sigma, sigmaMid, sigmaFrom, precondAssumed, metadata, entry, entries } = model;
  const said = new Map(metadata);
  said.delete('delta_of');
  said.delete('delta_sha256');
  if (said.get('nfe') === '2') said.delete('nfe'); // where it was opened as another
  said.delete('sigma_mid');
  for (const [key, value] of configMetadata(config)) said.set(key, value);
  mark(said, SIGMA_FROM, sigmaFrom === 'name' || sigmaFrom === 'unsaid' ? sigmaFrom : null);
  mark(said, PRECOND_FROM, precondAssumed ? ASSUMED : null);
  if (entry !== null && entries.length > 1) said.set(CONVERTED_ENTRY, entry);
  if (sigmaMid === null) return said.set('sigma', String(sigma));
  return new Map([...said, ...samplingMetadata({ sigma, sigmaMid })]);
}

/** In its place where it is there already: a file that is converted again gives itself again. */
function mark(said: Map<string, string>, key: string, value: string | null): void {
  if (value === null) said.delete(key);
  else said.set(key, value);
}

function* encode(
  name: string,
  pieces: Iterable<Float32Array>,
  dtype: StoredDType,
): Generator<Uint8Array, void, undefined> {
  for (const values of pieces) {
    const data = dtype === 'f16' ? halves(values, name) : values;
    yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
}

/** Throws where a value is beyond float16: it would be read back as infinite. */
function halves(values: Float32Array, name: string): Uint16Array {
  const rounded = floatToHalf(values);
  const beyond = rounded.findIndex((half) => (half & 0x7c00) === 0x7c00);
  if (beyond < 0) return rounded;
  throw new InnateError('unsupported', 'a weight is beyond the range of float16', {
    where: name,
    expected: 'at most 65504',
    found: String(values[beyond]),
    hint: 'Write the network as float32 (--dtype f32)',
  });
}
