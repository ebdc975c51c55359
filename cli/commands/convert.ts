import { basename } from 'node:path';
import { sampleImages, seedBatch } from '../../src/engine/inference/sampling';
import { convertStream } from '../../src/engine/models/convert-stream';
import { applyDelta } from '../../src/engine/models/delta';
import { exportDelta, roundedWeights, type StoredDType, storedDType } from '../../src/engine/models/export';
import { InnateError } from '../../src/lib/errors';
import { floatToHalf, halfToFloat } from '../../src/lib/half';
import type { ModelSampling } from '../../src/lib/sampling';
import { counted } from '../../src/lib/words';
import { kwargsFromConfig } from '../../src/nn/config';
import { parameterCount } from '../../src/nn/parameters';
import { defaultSampling } from '../../src/nn/samplers';
import type { WeightSource } from '../../src/nn/weights';
import { openBackend } from '../backend';
import { type OpenedModel, openModelArgument } from '../catalogue';
import { checkWritable, sha256OfFile, writeAtomicFrom } from '../files';
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

  const error = await measureError(model, storedWeights(model, teacher, options.dtype), options, report);
  const { tensors, bytes } = await writeAtomicFrom(out, (output) =>
    convertStream(model, output, {
      dtype: options.dtype,
      from: basename(input),
      ...(teacher && { teacher: baseOf(teacher) }),
      onProgress: (done, total) => report.transfer(done, total, null, null),
    }),
  );

  const what = teacher
    ? `${counted(tensors, 'changed tensor')} as a delta on ${teacher.id}`
    : counted(tensors, 'tensor');
  report.result(
    `${out}: ${what}, ${options.dtype}, ${(bytes / 1e6).toFixed(2)} MB\n` +
      `image error against the original ${at(model)}, ${counted(error.images, 'image')} in [-1, 1]: ` +
      `max ${error.max.toExponential(1)}, mean ${error.mean.toExponential(1)}`,
    {
      out,
      tensors,
      dtype: options.dtype,
      bytes,
      error,
      deltaOf: teacher?.id ?? null,
      notes: model.notes,
    },
  );
}

const at = ({ sigma, sigmaMid }: ModelSampling): string =>
  sigmaMid === null ? `at sigma ${sigma}` : `in two steps, at sigma ${sigma} and ${sigmaMid}`;

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
  const sampling = defaultSampling(model.config.unet.imgResolution, model);
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

/** The base of a delta: a catalogue id, or the name of a file that is looked for beside the student. */
const baseOf = (teacher: OpenedModel) => ({
  model: teacher,
  id: teacher.id === teacher.path ? basename(teacher.path) : teacher.id,
  sha256: sha256OfFile(teacher.path),
});
