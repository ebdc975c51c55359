import type { EngineClient } from '../engine/client';
import type { InspectionJson } from '../lib/activations';
import { currentModel, type Stores } from './app-state';
import { createLayersStore, type Findings, type LayersStore, NO_LOOKS } from './layers';
import { LooksDesk } from './layers-looks';
import { Measurement } from './layers-measurement';
import { type Pair, pairOf } from './layers-pair';
import { inspectRequest, lookRequests, pairKey, requestKey } from './layers-requests';
import { readFindings, upToDate } from './layers-stored';
import { formatLayers, type LayersView, parseLayers } from './layers-view';
import { usableModels } from './models';

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
}

/** The flow between the Layers tab and the engine. */
export function createLayersController(options: LayersOptions): LayersController {
  const { client, stores, nextFrame, now } = options;
  const store = createLayersStore(parseLayers(stores.view.getState().layers));
  const beforehand = new Map<string, Promise<Findings | null>>();
  const looks = new LooksDesk(client, store);
  const measurement = new Measurement({ client, store, backend, now });
  let shown = false;
  let measured = '';
  let scheduled = false;
  let written = stores.view.getState().layers;

  stores.view.subscribe((next, before) => {
    if (next.layers !== before.layers && next.layers !== written) {
      written = next.layers;
      store.setState({ view: parseLayers(next.layers) });
    }
    if (shown) schedule();
  });
  for (const other of [stores.catalogue, stores.engine, stores.distil] as {
    subscribe(f: () => void): void;
  }[])
    other.subscribe(() => shown && schedule());
  store.subscribe((next, before) => {
    if (next.view === before.view) return;
    written = formatLayers(next.view);
    if (stores.view.getState().layers !== written) stores.view.setState({ layers: written });
    if (shown) schedule();
  });

  function backend(): string {
    const found = stores.engine.getState().status?.backend;
    return found ? `${found.name} (${found.label})` : 'unknown';
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    nextFrame(() => {
      scheduled = false;
      if (shown) refresh();
    });
  }

  function refresh(): void {
    const { catalogue } = stores.catalogue.getState();
    const { opened, status } = stores.engine.getState();
    const current = currentModel(stores);
    if (!current || !catalogue) return;
    const { view, pair: last } = store.getState();
    const pair = pairOf(current, usableModels(catalogue, opened), catalogue, view.partner);
    if (pairKey(pair) !== (last && pairKey(last))) store.setState({ pair, looks: NO_LOOKS, findings: null });
    const packs = stores.distil.getState().packs;
    if (!packs) return; // comes back with the list
    const stored = showBeforehand(pair);
    if (!status) return; // the engine is starting
    const request = inspectRequest(pair, view, stores.view.getState(), packs);
    const key = requestKey(request);
    if (key !== measured) {
      measured = key;
      // What comes with the page saves the comparison of the two networks, which is most of the work.
      void stored.then(() => measured === key && shown && measurement.start(request));
    }
    looks.want(lookRequests(pair, view, stores.view.getState(), request));
  }

  /** What comes with the page for this pair, where it fits the columns that are wanted. */
  async function showBeforehand(pair: Pair): Promise<void> {
    if (store.getState().findings || pair.map.ref.kind !== 'catalogue' || pair.map.role !== 'teacher') return;
    const { key } = pair.map;
    let loading = beforehand.get(key);
    if (!loading) {
      loading = options.loadBeforehand(key).then(
        (text) => {
          const json = JSON.parse(text) as InspectionJson;
          return upToDate(json, stores.catalogue.getState().catalogue) ? readFindings(json) : null;
        },
        () => null,
      );
      beforehand.set(key, loading);
    }
    const found = await loading;
    const { findings, pair: current, view } = store.getState();
    if (!found || findings || !current || pairKey(current) !== pairKey(pair)) return;
    if (view.spacing !== 'heun' || view.levels !== found.sigmas.length) return;
    if (view.input !== null && view.input !== found.input) return;
    measurement.show(current.student ? found : { ...found, student: null, weights: null, likeness: null });
  }

  return {
    store,
    show() {
      shown = true;
      measured = '';
      measurement.open();
      void options.loadPacks();
      refresh();
    },
    hide() {
      shown = false;
      measurement.close();
    },
    set: (changes) => store.setState((s) => ({ view: { ...s.view, ...changes } })),
    measure() {
      const { pair, view } = store.getState();
      const packs = stores.distil.getState().packs;
      if (!pair || !packs) return;
      const request = inspectRequest(pair, view, stores.view.getState(), packs);
      measured = requestKey(request);
      measurement.start(request, true);
    },
    cancel: () => measurement.cancel(),
    dismissError: () => store.setState({ error: null }),
  };
}
