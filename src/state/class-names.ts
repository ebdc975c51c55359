import { withSynonyms } from '../lib/class-names';
import { labelCount, parseClassNames } from '../storage/catalogue';
import { currentModel, type Stores } from './app-state';
import { planRows } from './compare/plan';
import { renameRows } from './compare/store';
import { fail } from './engine';
import { rename } from './generate/images';

/** Text of a file beside the catalogue. */
export type LoadClassNames = (path: string) => Promise<string>;

/**
 * Long lists of class names stay out of the catalogue: each is read when a model that needs it is shown, once. Images
 * that are there by then get their names.
 */
export function followClassNames(stores: Stores, load: LoadClassNames): void {
  const asked = new Set<string>();
  const check = () => {
    for (const path of wantedFiles(stores)) {
      if (asked.has(path)) continue;
      asked.add(path);
      read(stores, load, path).catch((error: unknown) => {
        asked.delete(path); // the next look at such a model tries again
        fail(stores.engine, 'page', error);
      });
    }
  };
  stores.view.subscribe((next, before) => {
    if (SHOWN.some((key) => next[key] !== before[key])) check();
  });
  stores.catalogue.subscribe(check);
  stores.engine.subscribe((next, before) => next.opened !== before.opened && check());
}

/** What of the view says which models are shown. */
const SHOWN = ['model', 'compare', 'comparison'] as const;

/** The files that models in view have their names in, while they have not been read. */
function wantedFiles(stores: Stores): string[] {
  const { compare } = stores.view.getState();
  const shown = compare ? planRows(stores).map(({ model }) => model.facts) : [currentModel(stores)];
  return shown.flatMap((facts) => facts?.classFile ?? []);
}

async function read(stores: Stores, load: LoadClassNames, path: string): Promise<void> {
  const { catalogue } = stores.catalogue.getState();
  const entry = catalogue?.models.find((m) => m.classes === path);
  if (!entry) return;
  const names = withSynonyms(parseClassNames(await load(path), labelCount(entry), path));
  stores.catalogue.setState(({ classFiles }) => ({ classFiles: { ...classFiles, [path]: names } }));
  const model = currentModel(stores);
  if (model?.classes) rename(stores.images, model.key, model.classes);
  for (const { facts } of planRows(stores).map((plan) => plan.model))
    if (facts?.classes) renameRows(stores.compare, facts.key, facts.classes);
}
