import type { RowPlan } from '../../../state/compare/plan';

/** What a row has in place of the chosen class; null where it has it, or where none is chosen. */
export function classNote({ class: own, model: { facts } }: Pick<RowPlan, 'class' | 'model'>): string | null {
  if (!own.missing || !facts) return null;
  return facts.labelDim === 0 ? 'no classes' : 'lacks this class: random';
}
