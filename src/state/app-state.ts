import { createDistilStore, type DistilStore } from './distil/store';
import { createEngineStore, type EngineStore } from './engine';
import { createImagesStore, type ImagesStore } from './generate/images';
import { createViewStore, type ViewState, type ViewStore } from './generate/view';
import { createMeasureStore, type MeasureStore } from './measure';
import {
  type CatalogueStore,
  chooseModel,
  createCatalogueStore,
  type ModelFacts,
  usableModels,
} from './models';
import { createPrefsStore, type PrefsStore } from './prefs';

/** The page's state: stores without React, so that the flow can be tested without a page. */
export interface Stores {
  view: ViewStore;
  prefs: PrefsStore;
  engine: EngineStore;
  images: ImagesStore;
  catalogue: CatalogueStore;
  distil: DistilStore;
  measure: MeasureStore;
}

export function createStores(view: ViewState, storage: Pick<Storage, 'getItem' | 'setItem'> | null): Stores {
  return {
    view: createViewStore(view),
    prefs: createPrefsStore(storage),
    engine: createEngineStore(),
    images: createImagesStore(),
    catalogue: createCatalogueStore(),
    distil: createDistilStore(),
    measure: createMeasureStore(),
  };
}

/** The model in use; null until the catalogue is here. */
export function currentModel(stores: Stores): ModelFacts | null {
  const models = usableModels(stores.catalogue.getState().catalogue, stores.engine.getState().opened);
  return chooseModel(models, stores.view.getState().model);
}
