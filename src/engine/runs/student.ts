import { type DistilConfig, studentSampling } from '../../distil/config';
import { freezeMetadata } from '../../distil/freeze';
import { studentNetwork } from '../../distil/student-network';
import { readSafetensors, writeSafetensors } from '../../formats/safetensors';
import type { Source } from '../../formats/source';
import type { UNetConfig } from '../../nn/config';
import type { WeightSource } from '../../nn/weights';
import type { RunAbout } from '../../protocol/distil';
import { applyDelta } from '../models/delta';
import { configMetadata, exportDelta, exportWhole, type StoredDType } from '../models/export';
import type { Model } from '../models/model';
import { samplingMetadata } from '../models/student-steps';
import { checkpointWeights } from '../models/weights';

/** The teacher of a run as the network that its student is. */
export const asStudent = (teacher: Model, config: DistilConfig): Model => ({
  ...teacher,
  config: studentNetwork(config, teacher.config),
});

/** A student of a run, `teacher` being what `asStudent` gives, as a model of its own; its values are read at once, for the run goes on. */
export function studentModel(
  teacher: Model,
  weights: WeightSource,
  config: DistilConfig,
  images: number,
): Model {
  const held = new Map([...weights.names()].map((name) => [name, weights.read(name)]));
  return {
    config: teacher.config,
    weights: {
      names: () => held.keys(),
      shape: (name) => weights.shape(name),
      read: (name) => held.get(name)!,
    },
    ...studentSampling(config),
    sigmaFrom: 'file',
    precondAssumed: false,
    entries: [],
    entry: null,
    notes: [`distilled here: ${config.method}, ${images} images`],
    half: false,
    metadata: studentMetadata(config, images, {}, teacher.config.unet),
  };
}

/** The student as a file of float16 differences to its teacher: small beside the whole network, and close to it. */
export const deltaPieces = (
  teacher: Model,
  weights: WeightSource,
  metadata: ReadonlyMap<string, string>,
  teacherKey: string,
): Generator<Uint8Array> =>
  writeSafetensors({
    tensors: exportDelta(teacher.config, weights, teacher.weights, 'f16'),
    metadata: new Map([...metadata, ['precond', teacher.config.precond], ['delta_of', teacherKey]]),
  });

/** The student as a whole .safetensors file, piece by piece, with what it takes to open it. */
export const wholePieces = (
  teacher: Model,
  weights: WeightSource,
  metadata: ReadonlyMap<string, string>,
  dtype: StoredDType,
): Generator<Uint8Array> =>
  writeSafetensors({
    tensors: exportWhole(teacher.config, weights, dtype),
    metadata: new Map([...metadata, ...configMetadata(teacher.config)]),
  });

/** A student that was kept by `deltaPieces`. */
export const keptStudent = (teacher: Model, delta: Source): WeightSource =>
  applyDelta(teacher.weights, checkpointWeights(readSafetensors(delta)));

/**
 * What a student says of its making, in its file and as a model in memory: the same wherever a student comes from, so that
 * whoever opens it knows it as one. `teacher` and `data` are there where `about` names them; a whole file has its
 * architecture beside.
 */
export const studentMetadata = (
  config: DistilConfig,
  images: number,
  { teacherName, dataName }: Partial<Pick<RunAbout, 'teacherName' | 'dataName'>>,
  unet: UNetConfig,
): Map<string, string> =>
  new Map([
    ['method', config.method],
    ...freezeMetadata(config, unet),
    ['images_seen', String(images)],
    ...(teacherName === undefined ? [] : ([['teacher', teacherName]] as const)),
    ...(dataName === undefined ? [] : ([['data', dataName]] as const)),
    ...samplingMetadata(studentSampling(config)),
    ['distil_config', JSON.stringify(config)],
  ]);
