import type { CatalogueModel } from '../../storage/catalogue';
import { sections } from './browse';
import { type RowActions, type RowState, type RowStates, rowState } from './rows';

/** The published one-step model that stands for a data set. */
export interface Published {
  /** The data set's name. */
  title: string;
  model: CatalogueModel;
  state: RowState;
}

/**
 * One public student for each data set: one that is on this device, else one that is coming, else the best reported that
 * this page can download. Data sets without one are left out.
 */
export function published(
  models: readonly CatalogueModel[],
  states: RowStates,
  actions: Pick<RowActions, 'offers'> | null,
): Published[] {
  return sections(models).flatMap(({ title, rows }) => {
    const students = rows
      .filter((model) => model.role === 'student')
      .map((model): Published => ({ title, model, state: rowState(model, states) }));
    const found =
      students.find(({ state }) => state.kind === 'here') ??
      students.find(({ state }) => state.kind === 'downloading' || state.kind === 'broken') ??
      students.find(({ model }) => actions?.offers(model));
    return found ? [found] : [];
  });
}
