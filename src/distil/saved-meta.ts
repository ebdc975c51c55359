import * as v from 'valibot';
import { TRAINING_DTYPES } from '../lib/backends';
import { badFile, InnateError } from '../lib/errors';
import {
  type DistilConfig,
  FEATURE_NAMES,
  FILE_FEATURES,
  FREEZE_LEVELS,
  METHODS,
  STUDENT_NFE,
  savedConfig,
} from './config';
import type { RunMeta } from './state';

/** What a saved run says of itself comes from a file: it is checked before it is believed. */

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = v.pipe(v.string(), v.maxLength(10_000));

/** What is frozen by name. */
const GLOBS = v.pipe(
  v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(300))),
  v.minLength(1),
  v.maxLength(2_000),
);

/** Settings of a run, as `savedConfig` takes them. What a later version adds stays as it is. */
const CONFIG = v.looseObject({
  method: v.picklist(METHODS),
  freeze: v.optional(v.nullable(v.union([v.picklist(FREEZE_LEVELS), GLOBS]))),
  images: count,
  batch: count,
  microBatch: count,
  batchGpu: v.optional(count),
  seed: count,
  dtype: v.optional(v.picklist(TRAINING_DTYPES)),
  startSigma: v.optional(v.number()),
  nfe: v.optional(v.picklist(STUDENT_NFE)),
  sigmaMid: v.optional(v.number()),
  generatorRate: v.number(),
  discriminatorRate: v.number(),
  warmUp: v.optional(v.number()),
  features: v.picklist(FEATURE_NAMES),
  secondFeatures: v.optional(v.picklist([...FILE_FEATURES, 'none'])),
  secondFirst: v.optional(v.boolean()),
  featureSize: count,
  heads: v.picklist(['small', 'paper']),
  headWidth: count,
  classEmbeddings: v.optional(v.picklist(['random', 'table'])),
  lossType: v.optional(v.picklist(['ns', 'hinge'])),
  lossMean: v.picklist(['scale', 'all']),
  shareFakes: v.boolean(),
  r1Gamma: v.number(),
  r1Every: count,
  emaHalfLife: v.number(),
  emaRampUp: v.number(),
  xFlip: v.boolean(),
  clipFakes: v.optional(v.boolean()),
  diffAugment: v.optional(v.boolean()),
  imitationSteps: count,
  instanceLoss: v.optional(v.picklist(['l2', 'lite0'])),
  cdSteps: v.optional(count),
  targetDecay: v.optional(v.number()),
}) satisfies v.GenericSchema<unknown, Parameters<typeof savedConfig>[0]>;

/** The configuration that a saved run gives; what an older one does not name is what it ran with. */
export const SAVED_CONFIG = v.pipe(
  CONFIG,
  v.transform((config): DistilConfig => savedConfig(config)),
);

const FRECHET = v.looseObject({ value: v.number(), error: v.nullable(v.number()), spread: v.number() });

/** A point of the curves; a step that was not finite is written as null. */
const POINT = v.looseObject({ iteration: count, images: count });

const META = v.looseObject({
  version: v.literal(1),
  config: SAVED_CONFIG,
  iteration: count,
  images: count,
  updates: v.optional(v.object({ generator: count, discriminator: count })),
  dataPosition: count,
  best: v.nullable(v.looseObject({ images: count, frechet: FRECHET })),
  curve: v.array(POINT),
  backend: text,
  marks: v.optional(
    v.object({
      teacher: text,
      student: v.nullable(text),
      data: v.object({ images: count, labelDim: count, content: text }),
    }),
  ),
  command: v.optional(v.record(v.string(), v.union([text, v.number()]))),
});

/** The part of a saved state that is not a tensor. Throws a `bad-file` error that names what is wrong, and where. */
export function readRunMeta(value: unknown, where: string): RunMeta {
  checkVersion(value, where);
  return parseSaved(META, value, where) as unknown as RunMeta;
}

/** Throws an `unsupported` error where a saved thing is of another version than 1. */
export function checkVersion(value: unknown, where: string): void {
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version !== 'number' || version === 1) return;
  throw new InnateError('unsupported', 'it was saved by another version of Innate', {
    where,
    expected: 'version 1',
    found: `version ${version}`,
    hint: 'Open it with the version that saved it',
  });
}

/** `value` as the schema says it; a `bad-file` error names the first field that is not. */
export function parseSaved<T extends v.GenericSchema>(
  schema: T,
  value: unknown,
  where: string,
): v.InferOutput<T> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw badFile('its description of itself is damaged', {
    where: [where, v.getDotPath(issue)].filter(Boolean).join(', '),
    expected: issue.expected ?? undefined,
    found: issue.received.slice(0, 80),
  });
}
