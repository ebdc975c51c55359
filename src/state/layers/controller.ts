import type { EngineClient } from '../../protocol/client';
import { currentModel, type Stores } from '../app-state';
import type { SamplePack } from '../distil/packs';
import { usableModels } from '../models';
import { LooksDesk } from './looks';
import { Measurement } from './measurement';
import { type Pair, pairOf } from './pair';
import { inspectRequest, lookRequests, pairKey, requestKey } from './requests';
import { createLayersStore, type LayersStore } from './store';
import { Beforehand } from './stored';
import { formatLayers, type LayersView, parseLayers } from './view';

export interface LayersOptions {
  client: EngineClient;
  stores: Stores;
  /** Text of what was measured beforehand of a teacher and its student; rejects where there is nothing. */
  loadBeforehand: (teacher: string) => Promise<string>;
  /** Reads the list of sample packs into its store. */
  loadPacks: () => Promise<void>;
  nextFrame: (callback: () => void) => void;
  now: () => number;
}

export interface LayersController {
  readonly store: LayersStore;
  /** The tab is shown: shows what there is at once, and measures. */
  show(): void;
  /** The tab is left: nothing more is measured. */
  hide(): void;
  set(changes: Partial<LayersView>): void;
  /** Measures all of it anew, the comparison of the two networks included. */
  measure(): void;
  cancel(): void;
  dismissError(): void;
  /** Asks once more for whatever has failed. */
  tryAgain(): void;
}

/** The flow between the Layers tab and the engine. */
export function createLayersController(options: LayersOptions): LayersController {
  const { client, stores, nextFrame, now } = options;
  const store = createLayersStore(parseLayers(stores.view.getState().layers));
  const beforehand = new Beforehand(options.loadBeforehand, () => stores.catalogue.getState().catalogue);
  const looks = new LooksDesk(client, store, now);
  const measurement = new Measurement({ client, store, backend, now });
  let shown = false;
  /** The map that was asked for last. */
  let measured = '';
  /** What failed is to be asked for again, without a pause. */
  let again = false;
  let guide = store.getState().view.guide;
  let scheduled = false;
  let written = stores.view.getState().layers;

  stores.view.subscribe((next, before) => {
    if (next.layers !== before.layers && next.layers !== written) {
      written = next.layers;
      store.setState({ view: parseLayers(next.layers) });
    }
    changed();
  });
  stores.engine.subscribe((next, before) => {
    const name = (state: typeof next) => JSON.stringify(state.status?.backend ?? null);
    if (name(next) !== name(before)) again = true; // another back-end may do what the last one did not
    changed();
  });
  for (const other of [stores.catalogue, stores.distil] as { subscribe(f: () => void): void }[])
    other.subscribe(changed);
  store.subscribe((next, before) => {
    if (next.view === before.view) return;
    written = formatLayers(next.view);
    if (stores.view.getState().layers !== written) stores.view.setState({ layers: written });
    changed();
  });

  function backend(): string {
    const found = stores.engine.getState().status?.backend;
    return found ? `${found.name} (${found.label})` : 'unknown';
  }

  function changed(): void {
    if (!shown) return;
    adopt();
    if (scheduled) return;
    scheduled = true;
    nextFrame(() => {
      scheduled = false;
      if (shown) refresh();
    });
  }

  /** The sample packs; none where their list cannot be had, null while it is on its way. */
  function knownPacks(): readonly SamplePack[] | null {
    const { packs, packsError } = stores.distil.getState();
    return packs ?? (packsError === null ? null : []);
  }

  /** Brings what is shown in line with the view at once; null where something is still on its way. */
  function adopt() {
    const { catalogue } = stores.catalogue.getState();
    const current = currentModel(stores);
    if (!current || !catalogue) return null;
    const { view, pair: last } = store.getState();
    const models = usableModels(catalogue, stores.engine.getState().opened);
    const pair = pairOf(current, models, catalogue, view.partner);
    const other = last === null || pairKey(pair) !== pairKey(last);
    if (other) store.setState({ pair, findings: null });
    const packs = knownPacks();
    if (!packs) return null; // comes back with the list
    const request = inspectRequest(pair, view, stores.view.getState(), packs);
    const wanted = lookRequests(pair, view, stores.view.getState(), request);
    // Under the words of another step, or of another network, an older picture would be taken for theirs.
    looks.mark(wanted, other || view.guide !== guide);
    guide = view.guide;
    return { pair, request, wanted };
  }

  function refresh(): void {
    const found = adopt();
    if (!found) return;
    const { pair, request, wanted } = found;
    const stored = showBeforehand(pair);
    if (!stores.engine.getState().status) return; // the engine is starting
    if (again && measurement.failed) measured = '';
    const key = requestKey(request);
    if (key !== measured) {
      measured = key;
      // What comes with the page saves the comparison of the two networks, which is most of the work.
      void stored.then(() => measured === key && shown && measurement.start(request));
    }
    looks.want(wanted, again);
    again = false;
  }

  /** What comes with the page for this pair, where it fits the columns that are wanted. */
  async function showBeforehand(pair: Pair): Promise<void> {
    if (store.getState().findings) return;
    const found = await beforehand.of(pair);
    const { findings, pair: current, view } = store.getState();
    if (!found || findings || !current || pairKey(current) !== pairKey(pair)) return;
    if (view.spacing !== 'heun' || view.levels !== found.sigmas.length) return;
    if (view.input !== null && view.input !== found.input) return;
    measurement.show(found);
  }

  function tryAgain(): void {
    again = true;
    changed();
  }

  return {
    store,
    show() {
      shown = true;
      measured = '';
      again = true;
      measurement.open();
      void options.loadPacks();
      void beforehand.tryAgain().then(changed);
      refresh();
    },
    hide() {
      shown = false;
      measurement.close();
    },
    set: (changes) => store.setState((s) => ({ view: { ...s.view, ...changes } })),
    measure() {
      const found = adopt();
      if (!found) return;
      measured = requestKey(found.request);
      measurement.start(found.request, true);
    },
    cancel: () => measurement.cancel(),
    dismissError: () => store.setState({ error: null }),
    tryAgain,
  };
}
