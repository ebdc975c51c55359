import type { RowFigures } from '../../lib/row-caption';
import { evaluations } from '../../lib/sampling';
import type { ModelFacts } from '../models';

/** Two rows whose times say what one step, or two, save: ms of an image, and evaluations. */
export interface Headline {
  fast: { name: string; ms: number; passes: number };
  slow: { name: string; ms: number; passes: number };
}

/** A row with its figures, and whether all of its images are made. */
export interface FinishedRow {
  figures: RowFigures;
  finished: boolean;
  model: { facts: Kind | null };
}

/** What images are of. */
type Kind = Pick<ModelFacts, 'dataset' | 'resolution' | 'channels'>;

/**
 * The fastest row of one pass or two against the slowest finished one of a teacher that takes many, of the same kind of
 * images; null where there is no such pair, or where it would say nothing: a teacher that is the faster one. Of pairs
 * of several kinds, that of the slowest teacher.
 */
export function headline(rows: readonly FinishedRow[]): Headline | null {
  const timed = rows.flatMap(({ figures, finished, model: { facts } }) =>
    finished && figures.ms !== null && facts
      ? [{ role: figures.role, name: figures.name, ms: figures.ms, passes: evaluations(figures), facts }]
      : [],
  );
  const fastest = timed
    .filter((row) => row.passes <= 2 && row.role !== 'teacher')
    .sort((a, b) => a.ms - b.ms);
  const slowest = timed.filter((row) => row.passes > 1 && row.role === 'teacher').sort((a, b) => b.ms - a.ms);
  for (const slow of slowest) {
    const fast = fastest.find((row) => sameKind(row.facts, slow.facts));
    if (fast && fast.ms < slow.ms) return { fast, slow };
  }
  return null;
}

/** Times of a 64x64 photograph and of a 32x32 drawing have nothing to say to each other. */
const sameKind = (a: Kind, b: Kind): boolean =>
  a.dataset !== null && b.dataset !== null
    ? a.dataset === b.dataset
    : a.resolution === b.resolution && a.channels === b.channels;
