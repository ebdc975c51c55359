import { loadPart } from '../../lib/load-part';
import type { Action } from '../../state/actions/action';
import type { FigureFormat } from './save';

const FORMATS: readonly [FigureFormat, string][] = [
  ['png', 'picture'],
  ['svg', 'drawing vector'],
  ['csv', 'numbers table'],
  ['json', 'numbers innate inspect'],
];

/** What is taken away of the map. */
export const LAYERS_ACTIONS: readonly Action[] = FORMATS.map(([format, keywords]) => ({
  id: `map-${format}`,
  name: `Save the map of the layers as ${format.toUpperCase()}`,
  group: 'Layers',
  keywords: `export download ${keywords}`,
  obstacle: ({ stores }) => (stores.view.getState().tab === 'layers' ? null : 'The Layers tab is not shown'),
  perform: async ({ controller, announce }) => {
    const { saveMap } = await loadPart(import('./LayersView')); // it is there: the tab is shown
    announce(await saveMap(controller, format));
  },
}));
