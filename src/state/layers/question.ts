import type { InspectRequest } from '../../protocol/layers';
import { currentModel, type Stores } from '../app-state';
import type { SamplePack } from '../distil/packs';
import { usableModels } from '../models';
import type { WantedLooks } from './looks';
import { type Pair, pairOf } from './pair';
import { inspectRequest, lookRequests } from './requests';
import type { LayersView } from './view';

/** What the tab asks the engine for: the map of its pair, and the looks beside it. */
export interface Question {
  request: InspectRequest;
  wanted: WantedLooks;
}

/** The pair that the page is at; null until the catalogue is here. */
export function pairInView(stores: Stores, partner: string | null): Pair | null {
  const { catalogue } = stores.catalogue.getState();
  const current = currentModel(stores);
  if (!current || !catalogue) return null;
  const models = usableModels(catalogue, stores.engine.getState().opened, stores.rows.getState().rows);
  return pairOf(current, models, catalogue, partner);
}

/** What the view asks of a pair; null while the list of sample packs is on its way. */
export function questionOf(pair: Pair, view: LayersView, stores: Stores): Question | null {
  const packs = knownPacks(stores);
  if (!packs) return null;
  const shown = stores.view.getState();
  const request = inspectRequest(pair, view, shown, packs);
  return { request, wanted: lookRequests(pair, view, shown, request) };
}

/** The sample packs; none where their list cannot be had, null while it is on its way. */
function knownPacks({ distil }: Stores): readonly SamplePack[] | null {
  const { packs, packsError } = distil.getState();
  return packs ?? (packsError === null ? null : []);
}
