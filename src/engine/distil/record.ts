import * as v from 'valibot';
import { checkVersion, parseSaved, SAVED_CONFIG } from '../../distil/saved-meta';
import { badFile } from '../../lib/errors';
import type { DistilRequest } from '../../protocol/distil';
import type { RunRecord } from '../../protocol/runs';
import { savedRequest } from '../runs/sources';
import type { RunState } from '../runs/state';
import type { DistilRun } from './run';

/** What is written down of a run that begins. */
export function newRecord(request: DistilRequest, backend: string): RunRecord {
  const now = Date.now();
  return {
    version: 1,
    about: request.about,
    notes: '',
    created: now,
    updated: now,
    request: savedRequest(request),
    config: request.config,
    end: 'open',
    error: null,
    wayBack: null,
    iteration: 0,
    images: 0,
    frechet: null,
    best: null,
    plan: null,
    backend,
    kept: { teacher: false, student: false, data: false },
    thinned: 0,
  };
}

/** How far it is. */
export function progressOf(run: DistilRun, state: RunState): Partial<RunRecord> {
  const last = run.curve.findLast((p) => p.frechet !== undefined);
  const { best } = run;
  return {
    updated: Date.now(),
    iteration: run.trainer.iteration,
    images: run.trainer.images,
    config: state.meta.config,
    frechet: last ? { images: last.images, value: last.frechet!, error: last.frechetError ?? null } : null,
    best: best && { images: best.images, value: best.frechet.value, error: best.frechet.error },
  };
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const MODEL = v.variant('kind', [
  v.object({ kind: v.literal('catalogue'), id: v.string() }),
  v.object({ kind: v.literal('opened'), key: v.string() }),
]);
const DATA = v.variant('kind', [
  v.object({ kind: v.literal('pack'), id: v.string() }),
  v.object({
    kind: v.literal('files'),
    name: v.string(),
    files: v.array(v.object({ name: v.string(), bytes: count })),
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
  }),
  notes: v.string(),
  created: v.number(),
  updated: v.number(),
  request: v.looseObject({
    teacher: MODEL,
    student: v.nullable(MODEL),
    data: DATA,
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
  kept: v.looseObject({ teacher: v.boolean(), student: v.boolean(), data: v.boolean() }),
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
