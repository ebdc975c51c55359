import { type AskedStore, createAskedStore } from './asked';
import { type BesideStore, createBesideStore } from './beside/store';
import { type CompareStore, createCompareStore } from './compare/store';
import { createSeriesStore, type SeriesStore } from './distil/series/store';
import { createDistilStore, type DistilStore } from './distil/store';
import { createEngineStore, type EngineStore } from './engine';
import { createImagesStore, type ImagesStore } from './generate/images';
import { createLatentsStore, type LatentsStore } from './generate/latents';
import { createPinPicturesStore, type PinPicturesStore } from './generate/pin-pictures';
import { createViewStore, type ViewState, type ViewStore } from './generate/view';
import { createHistoryStore, type HistoryStore } from './history/store';
import { createLongStepsStore, type LongStepsStore } from './long-steps';
import { createMeasureStore, type MeasureStore } from './measure/store';
import {
  type CatalogueStore,
  chooseModel,
  createCatalogueStore,
  type ModelFacts,
  usableModels,
} from './models';
import { createDownloadsStore, type DownloadsStore } from './models/downloads-store';
import { createRowsStore, type RowsStore } from './models/rows';
import { createPrefsStore, type PrefsStore } from './prefs';

/** The page's state: stores without React, so that the flow can be tested without a page. */
export interface Stores {
  view: ViewStore;
  prefs: PrefsStore;
  engine: EngineStore;
  images: ImagesStore;
  pinned: PinPicturesStore;
  latents: LatentsStore;
  /** The selected image as student and teacher make it. */
  beside: BesideStore;
  /** What was seen, which undo walks through. */
  history: HistoryStore;
  asked: AskedStore;
  compare: CompareStore;
  catalogue: CatalogueStore;
  distil: DistilStore;
  /** Runs one after the other, to be compared. */
  series: SeriesStore;
  measure: MeasureStore;
  /** What of the public models is on this device. */
  rows: RowsStore;
  downloads: DownloadsStore;
  /** What takes long, wherever it was begun. */
  steps: LongStepsStore;
}

export function createStores(view: ViewState, storage: Pick<Storage, 'getItem' | 'setItem'> | null): Stores {
  return {
    view: createViewStore(view),
    prefs: createPrefsStore(storage),
    engine: createEngineStore(),
    images: createImagesStore(),
    pinned: createPinPicturesStore(),
    latents: createLatentsStore(),
    beside: createBesideStore(),
    history: createHistoryStore(),
    asked: createAskedStore(),
    compare: createCompareStore(),
    catalogue: createCatalogueStore(),
    distil: createDistilStore(),
    series: createSeriesStore(storage),
    measure: createMeasureStore(storage),
    rows: createRowsStore(),
    downloads: createDownloadsStore(),
    steps: createLongStepsStore(),
  };
}

/** The model in use; null until the catalogue is here. */
export function currentModel(stores: Stores): ModelFacts | null {
  const { catalogue, classFiles } = stores.catalogue.getState();
  const { opened } = stores.engine.getState();
  const models = usableModels(catalogue, opened, stores.rows.getState().rows, classFiles);
  return chooseModel(models, stores.view.getState().model);
}
