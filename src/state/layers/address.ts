import type { ViewStore } from '../generate/view';
import type { LayersStore } from './store';
import { formatLayers, parseLayers } from './view';

/** Keeps the tab's view and its text in the page's view, which the address shows, at one. */
export function keepInAddress(page: ViewStore, store: LayersStore): void {
  let written = page.getState().layers;
  page.subscribe((next, before) => {
    if (next.layers === before.layers || next.layers === written) return;
    written = next.layers;
    store.setState({ view: parseLayers(next.layers) });
  });
  store.subscribe((next, before) => {
    if (next.view === before.view) return;
    written = formatLayers(next.view);
    if (page.getState().layers !== written) page.setState({ layers: written });
  });
}
