import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { sampleImages, seedBatch } from '../../src/engine/inference/sampling';
import { applyDelta } from '../../src/engine/models/delta';
import {
  exportDelta,
  exportWhole,
  modelMetadata,
  roundedWeights,
  type StoredDType,
  storedDType,
} from '../../src/engine/models/export';
import { writeSafetensors } from '../../src/formats/safetensors';
import { InnateError } from '../../src/lib/errors';
import { floatToHalf, halfToFloat } from '../../src/lib/half';
import { counted } from '../../src/lib/words';
import { kwargsFromConfig } from '../../src/nn/config';
import { parameterCount } from '../../src/nn/parameters';
import { defaultSampling } from '../../src/nn/samplers';
import type { WeightSource } from '../../src/nn/weights';
import { openBackend } from '../backend';
import { type OpenedModel, openModelArgument, sha256OfFile } from '../catalogue';
import { checkWritable, writeAtomic } from '../files';
import { type CommonOptions, fileOptions } from '../options';
import type { Report } from '../report';
import { makeDenoiser } from '../session';

export interface ConvertOptions extends CommonOptions {
  dtype: StoredDType;
  deltaOf?: string;
  teacherEntry?: string;
}

/** innate convert: any checkpoint to .safetensors, with the error that its rounding costs measured. */
export async function convert(
  input: string,
  out: string,
  options: ConvertOptions,
  report: Report,
): Promise<void> {
  checkWritable(out);
  const model = openModelArgument(input, fileOptions(options));
  for (const note of model.notes) report.note(`note: ${note}`);
  const teacher =
    options.deltaOf === undefined
      ? null
      : openModelArgument(options.deltaOf, fileOptions({ entry: options.teacherEntry }));
  if (teacher) checkSameNetwork(model, teacher);

  const tensors = teacher
    ? exportDelta(model.config, model.weights, teacher.weights, options.dtype)
    : exportWhole(model.config, model.published ?? model.weights, options.dtype);
  const error = await measureError(model, storedWeights(model, teacher, options.dtype), options, report);
  await writeAtomic(out, writeSafetensors({ tensors, metadata: outputMetadata(model, teacher, input) }));

  const bytes = statSync(out).size;
  const what = teacher
    ? `${counted(tensors.size, 'changed tensor')} as a delta on ${teacher.id}`
    : counted(tensors.size, 'tensor');
  report.result(
    `${out}: ${what}, ${options.dtype}, ${(bytes / 1e6).toFixed(2)} MB\n` +
      `image error against the original at sigma ${model.sigma}, ${counted(error.images, 'image')} in [-1, 1]: ` +
      `max ${error.max.toExponential(1)}, mean ${error.mean.toExponential(1)}`,
    {
      out,
      tensors: tensors.size,
      dtype: options.dtype,
      bytes,
      error,
      deltaOf: teacher?.id ?? null,
      notes: model.notes,
    },
  );
}

/** The weights as the written file will give them back. */
function storedWeights(model: OpenedModel, teacher: OpenedModel | null, dtype: StoredDType): WeightSource {
  if (!teacher) return roundedWeights(model.weights, dtype);
  const changed = exportDelta(model.config, model.weights, teacher.weights, dtype);
  return applyDelta(teacher.weights, {
    names: () => changed.keys(),
    shape: (name) => changed.get(name)?.shape,
    read(name) {
      const difference = model.weights.read(name);
      const base = teacher.weights.read(name);
      for (let i = 0; i < difference.length; i++) difference[i]! -= base[i]!;
      return storedDType(changed.get(name)!.shape, dtype) === 'f16'
        ? halfToFloat(floatToHalf(difference))
        : difference;
    },
  });
}

interface ImageError {
  images: number;
  max: number;
  mean: number;
}

async function measureError(
  model: OpenedModel,
  stored: WeightSource,
  options: ConvertOptions,
  report: Report,
): Promise<ImageError> {
  const active = await openBackend(options.backend, (line) => report.note(line));
  report.note(`comparing images on ${active.name}`);
  const images = parameterCount(model.config.unet) > 2e7 ? 1 : 4; // large networks: time and memory
  const batch = seedBatch(
    model.config,
    Array.from({ length: images }, (_, i) => i),
    null,
  );
  const sampling = defaultSampling(model.config.unet.imgResolution, model.sigma);
  const results: Float32Array[] = [];
  for (const weights of [model.weights, stored]) {
    const { denoiser } = await makeDenoiser(model, weights, active, report);
    results.push(await sampleImages(denoiser, batch, sampling));
    denoiser.dispose();
    report.progress(results.length, 2);
  }
  let max = 0;
  let sum = 0;
  for (const [i, a] of results[0]!.entries()) {
    const d = Math.abs(a - results[1]![i]!);
    max = Math.max(max, d);
    sum += d;
  }
  return { images, max, mean: sum / results[0]!.length };
}

function checkSameNetwork(model: OpenedModel, teacher: OpenedModel): void {
  const architectureOf = (m: OpenedModel) => JSON.stringify(kwargsFromConfig(m.config));
  if (architectureOf(model) === architectureOf(teacher)) return;
  throw new InnateError('mismatch', 'the teacher is another network', {
    where: teacher.path,
    expected: architectureOf(model),
    found: architectureOf(teacher),
  });
}

/** Architecture, provenance of the input that fits in a line each, and the base of a delta. */
function outputMetadata(model: OpenedModel, teacher: OpenedModel | null, input: string): Map<string, string> {
  const metadata = new Map(model.metadata);
  metadata.delete('delta_of');
  metadata.delete('delta_sha256');
  for (const [key, value] of modelMetadata(model)) metadata.set(key, value);
  metadata.set('converted_from', basename(input));
  if (teacher) {
    metadata.set('delta_of', teacher.id === teacher.path ? basename(teacher.path) : teacher.id);
    metadata.set('delta_sha256', sha256OfFile(teacher.path));
  }
  return metadata;
}
