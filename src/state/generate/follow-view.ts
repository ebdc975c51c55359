import { currentModel, type Stores } from '../app-state';
import type { ModelFacts } from '../models';
import { keepOnly, resize } from './images';
import { type LoadSheet, showPreview } from './preview';
import type { ImageRequests } from './requests';
import type { Samplings } from './samplings';
import { gridShown, settledView } from './view';

const RENDERED = [
  'model',
  'seed',
  'classIndex',
  'mix',
  'temperature',
  'own',
  'count',
  'sampler',
  'steps',
  'sigma',
] as const;

interface Options {
  stores: Stores;
  requests: ImageRequests;
  samplings: Samplings;
  loadSheet: LoadSheet;
}

/** Lets the images follow the view, from now on. */
export function followView({ stores, requests, samplings, loadSheet }: Options): void {
  const { view, images } = stores;

  /** A picture belongs to the model that is named beside it: those of the last one go, what is known of this comes. */
  function showOnly(model: ModelFacts): void {
    keepOnly(images, model.key);
    if (stores.engine.getState().status) void showPreview(stores, model, loadSheet).catch(() => {});
  }

  view.subscribe((next, before) => {
    samplings.remember(next);
    if (next.model !== before.model || (before.compare && !next.compare)) {
      const model = currentModel(stores);
      const settled = model && settledView(next, model);
      // The same listener runs again for what this changes.
      if (settled && (['model', 'classIndex', 'mix'] as const).some((key) => settled[key] !== next[key]))
        view.setState(settled);
      if (model) showOnly(model);
    }
    // Nobody sees the grid while Layers, Compare or a path have the back-end: it is made on the way back.
    const back = !gridShown(before);
    if (gridShown(next) && (back || RENDERED.some((key) => next[key] !== before[key]))) requests.schedule();
    if (next.count !== before.count) {
      resize(images, next.count);
      const own = next.own.filter(({ place }) => place < next.count);
      if (next.selected >= next.count || own.length < next.own.length)
        view.setState({ selected: Math.min(next.selected, next.count - 1), own });
    }
  });
}
