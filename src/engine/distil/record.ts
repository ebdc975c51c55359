import type { CurvePoint } from '../../distil/curve';
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
  const { best } = run;
  return {
    updated: Date.now(),
    iteration: run.trainer.iteration,
    images: run.trainer.images,
    config: state.meta.config,
    frechet: lastDistance(run.curve),
    best: best && { images: best.images, value: best.frechet.value, error: best.frechet.error },
  };
}

function lastDistance(curve: readonly CurvePoint[]): RunRecord['frechet'] {
  for (const { images, frechet, frechetError } of curve.toReversed())
    if (frechet !== undefined) return { images, value: frechet, error: frechetError ?? null };
  return null;
}
