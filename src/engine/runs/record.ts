import * as v from 'valibot';
import { checkVersion, parseSaved, SAVED_CONFIG } from '../../distil/saved-meta';
import { badFile } from '../../lib/errors';
import type { RunRecord } from '../../protocol/runs';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const MODEL = v.variant('kind', [
  v.object({ kind: v.literal('catalogue'), id: v.string() }),
  v.object({ kind: v.literal('opened'), key: v.string() }),
]);
const FILE = v.object({ name: v.string(), bytes: count });
const DATA = v.variant('kind', [
  v.object({ kind: v.literal('pack'), id: v.string() }),
  v.object({
    kind: v.literal('files'),
    name: v.string(),
    files: v.array(FILE),
  }),
]);
const DISTANCE = v.nullable(
  v.looseObject({ images: count, value: v.nullable(v.number()), error: v.nullable(v.number()) }),
);
const RECORD = v.looseObject({
  version: v.literal(1),
  about: v.looseObject({
    id: v.string(),
    name: v.string(),
    teacherKey: v.string(),
    teacherName: v.string(),
    dataName: v.string(),
    resolution: count,
    classes: v.nullable(v.array(v.string())),
    licence: v.nullable(v.string()),
    series: v.optional(
      v.object({ id: v.string(), name: v.string(), label: v.string(), index: count, of: count }),
    ),
  }),
  notes: v.string(),
  created: v.number(),
  updated: v.number(),
  request: v.looseObject({
    teacher: MODEL,
    student: v.nullable(MODEL),
    data: DATA,
    secondFeatures: v.optional(FILE),
    sampleSeeds: v.array(v.number()),
    sampleEvery: count,
    measureImages: count,
    measureEvery: count,
  }),
  config: SAVED_CONFIG,
  end: v.picklist(['open', 'finished', 'stopped', 'failed']),
  error: v.nullable(v.string()),
  wayBack: v.nullable(v.picklist(['last', 'earlier', 'best'])),
  iteration: count,
  images: count,
  frechet: DISTANCE,
  best: DISTANCE,
  plan: v.nullable(v.looseObject({ layers: v.array(v.looseObject({ name: v.string() })) })),
  backend: v.string(),
  kept: v.looseObject({
    teacher: v.boolean(),
    student: v.boolean(),
    data: v.boolean(),
    secondFeatures: v.optional(v.boolean()),
  }),
  thinned: count,
});

/** A record as it was written. Throws a `bad-file` error that names what is wrong, or `unsupported` for its version. */
export function parseRecord(text: string, where: string): RunRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badFile('its record is damaged', { where, expected: 'JSON' }, error);
  }
  checkVersion(value, where);
  return parseSaved(RECORD, value, where) as unknown as RunRecord;
}
