import type { Action, ActionContext } from '../../state/actions/action';
import type { Asked } from '../../state/asked';
import { gridColumns } from './grid-columns';

/** Why nothing of the grid can be taken away. */
function noGrid({ stores }: ActionContext): string | null {
  const { tab, compare, path } = stores.view.getState();
  if (tab !== 'generate' || compare) return 'The images of one model are not shown';
  if (path !== '') return 'A path is played: close it first';
  return stores.images.getState().images.some(Boolean) ? null : 'No image is made yet';
}

function noPath({ stores }: ActionContext): string | null {
  const { tab, compare, path } = stores.view.getState();
  return tab === 'generate' && !compare && path !== '' ? null : 'No path is shown: pin two images first';
}

const noModel = ({ stores }: ActionContext): string | null => {
  const { tab, compare } = stores.view.getState();
  if (tab !== 'generate' || compare) return 'The images of one model are not shown';
  return stores.engine.getState().status ? null : 'The engine has not started yet';
};

const ask =
  (asked: Asked) =>
  ({ stores }: ActionContext) =>
    stores.asked.setState({ asked });

/** What leaves the page: pictures, arrays, archives, paths, code. */
export const TAKE_AWAY_ACTIONS: readonly Action[] = [
  {
    id: 'save-grid',
    name: 'Export the grid as one picture',
    group: 'Take away',
    keywords: 'download sheet save png',
    obstacle: noGrid,
    perform: async ({ controller }) => (await controller.playground.exporter()).saveGrid(gridColumns()),
  },
  {
    id: 'save-npz',
    name: 'Save the images as an npz array',
    group: 'Take away',
    keywords: 'download numpy arr_0 export evaluate fid',
    obstacle: noGrid,
    perform: async ({ controller }) => (await controller.playground.exporter()).saveNpz(),
  },
  {
    id: 'save-many',
    name: 'Save many images as a zip',
    group: 'Take away',
    keywords: 'download archive 50000 fid seeds export resume',
    obstacle: noModel,
    perform: ask('many'),
  },
  {
    id: 'code',
    name: 'Show code for the selected image',
    group: 'Take away',
    shortcut: 'shift+c',
    keywords: 'pytorch python command line cli',
    obstacle: noGrid,
    perform: ask('code'),
  },
  {
    id: 'path-video',
    name: 'Save the path as a video',
    group: 'Take away',
    keywords: 'mp4 webm film interpolation export',
    obstacle: noPath,
    perform: ask('video'),
  },
  {
    id: 'path-gif',
    name: 'Save the path as a GIF',
    group: 'Take away',
    keywords: 'animation export',
    obstacle: noPath,
    perform: ask('gif'),
  },
  {
    id: 'path-frames',
    name: 'Save the frames of the path as a zip',
    group: 'Take away',
    keywords: 'png sequence export',
    obstacle: noPath,
    perform: ask('frames'),
  },
];
