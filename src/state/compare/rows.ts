import type { RowSpec } from '../../lib/row-spec';
import type { Catalogue } from '../../storage/catalogue';
import type { ModelFacts } from '../models';
import { type Cell, type Comparison, MAX_ROWS } from './view';

/** Heun steps of the paper's teachers of 32x32 images: 35 evaluations, what one step is said to replace. */
const TEACHER_STEPS = 18;

/** A model in its own steps: one, or two of a two-step student. */
export const ownSteps = (model: string): RowSpec => ({ model, sampler: null, steps: null, sigma: null });

/** A teacher as it is sampled: in 18 Heun steps. */
export const manySteps = (model: string): RowSpec => ({
  model,
  sampler: 'heun',
  steps: TEACHER_STEPS,
  sigma: null,
});

/** What a new row of a model starts with: a teacher in many steps, anything else in its own. */
export const usualRow = ({ key, role }: Pick<ModelFacts, 'key' | 'role'>): RowSpec =>
  role === 'teacher' ? manySteps(key) : ownSteps(key);

/**
 * The paper's headline: the student in its one or two steps, its teacher in 35 evaluations. A teacher brings its student; a model
 * of which nobody knows such a partner stands alone.
 */
export function defaultRows(
  current: Pick<ModelFacts, 'key' | 'role'>,
  models: readonly Pick<ModelFacts, 'key'>[],
  catalogue: Catalogue,
): RowSpec[] {
  const here = (key: string | undefined): key is string => models.some((m) => m.key === key);
  const entry = catalogue.models.find((m) => m.id === current.key);
  if (current.role === 'teacher') {
    const student = catalogue.models.find((m) => m.teacher === current.key && here(m.id));
    return [...(student ? [ownSteps(student.id)] : []), manySteps(current.key)];
  }
  return [ownSteps(current.key), ...(here(entry?.teacher) ? [manySteps(entry.teacher)] : [])];
}

/** A row more, last; as it was where there are eight. */
export const withRow = ({ rows, at }: Comparison, row: RowSpec): Comparison =>
  (rows?.length ?? 0) < MAX_ROWS ? { rows: [...(rows ?? []), row], at } : { rows, at };

/** Without a row; the open image closes with its row, and stays with its own where that moves up. */
export function withoutRow({ rows, at }: Comparison, index: number): Comparison {
  const left = (rows ?? []).filter((_, i) => i !== index);
  const moved = at && at.row > index ? { ...at, row: at.row - 1 } : at;
  return { rows: left, at: at?.row === index ? null : moved };
}

/** A row that was removed, where it was. */
export function withRowAt({ rows, at }: Comparison, index: number, row: RowSpec): Comparison {
  const back = [...(rows ?? [])];
  if (back.length >= MAX_ROWS) return { rows, at };
  back.splice(index, 0, row);
  return { rows: back, at: at && at.row >= index ? { ...at, row: at.row + 1 } : at };
}

/** A row at another place; the open image stays with its row. */
export function withRowMoved({ rows, at }: Comparison, from: number, to: number): Comparison {
  const order = [...(rows ?? [])];
  const [row] = order.splice(from, 1);
  if (!row) return { rows, at };
  order.splice(to, 0, row);
  return { rows: order, at: at && { ...at, row: movedIndex(at.row, from, to) } };
}

/** Where index `i` is after the one at `from` was moved to `to`. */
function movedIndex(i: number, from: number, to: number): number {
  if (i === from) return to;
  if (from < i && i <= to) return i - 1;
  return to <= i && i < from ? i + 1 : i;
}

export const withRowChanged = (
  { rows, at }: Comparison,
  index: number,
  change: Partial<RowSpec>,
): Comparison => ({ rows: (rows ?? []).map((row, i) => (i === index ? { ...row, ...change } : row)), at });

export const withOpen = ({ rows }: Comparison, at: Cell | null): Comparison => ({ rows, at });
