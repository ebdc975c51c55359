import { whole } from '../lib/words';
import type { Catalogue } from '../storage/catalogue';
import type { ModelFacts } from './models';
import type { ReadView } from './url';

/**
 * What of a link could not be followed, said in whole sentences; null = it is shown as it says. `model` is the one
 * that is shown.
 */
export function linkRemark(
  { view, problems }: ReadView,
  model: ModelFacts,
  catalogue: Catalogue,
): string | null {
  const lines = [...problems];
  // Rows say for themselves whether their model is here.
  if (view.compare) return lines.length > 0 ? lines.join(' ') : null;
  if (view.model !== null && view.model !== model.key)
    lines.push(missingModel(view.model, model.name, catalogue));
  else if (view.classIndex !== null && view.classIndex >= model.labelDim)
    lines.push(missingClass(view.classIndex, model));
  return lines.length > 0 ? lines.join(' ') : null;
}

/** Keys of opened files are their names behind this (engine/models/library.ts). */
export const FILE_KEY = 'file:';
export const isFileKey = (key: string): boolean => key.startsWith(FILE_KEY);

function missingModel(wanted: string, shown: string, catalogue: Catalogue): string {
  if (isFileKey(wanted)) {
    const name = wanted.slice(FILE_KEY.length, FILE_KEY.length + 80);
    return `The link wants the file “${name}”, which is not open here. Open it with Open checkpoint, or drop it on the page: the link's images follow. ${shown} is shown meanwhile. (Models, Keep, holds a file for the next visit.)`;
  }
  const listed = catalogue.models.find((m) => m.id === wanted);
  return listed
    ? `${listed.name} is not on this device: Models has it, or says where it is to be had. ${shown} is shown meanwhile.`
    : `The link names the model “${wanted.slice(0, 80)}”, which is not here: if it is a file, open it. ${shown} is shown instead.`;
}

const missingClass = (wanted: number, { name, labelDim }: ModelFacts) =>
  labelDim === 0
    ? `The link names class ${wanted}, but ${name} has no classes.`
    : `The link names class ${whole(wanted)}, but ${name} has classes 0 to ${labelDim - 1}: each image has the class of its seed.`;
