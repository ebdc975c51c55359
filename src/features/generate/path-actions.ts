import type { Action, ActionContext } from '../../state/actions/action';
import { DEFAULT_PATH, formatPath } from '../../state/path/view';

/** Why nothing goes on between images. */
function noImages({ stores }: ActionContext): string | null {
  const { tab, compare } = stores.view.getState();
  return tab === 'generate' && !compare ? null : 'The images of one model are not shown';
}

/** What is played between images. */
export const PATH_ACTIONS: readonly Action[] = [
  {
    id: 'path-play',
    name: 'Play a path through the pins, or pause it',
    group: 'Between seeds',
    shortcut: 'k',
    keywords: 'interpolate animate video walk latent slerp',
    obstacle: (app) => {
      const { path, pins } = app.stores.view.getState();
      return noImages(app) ?? (path !== '' || pins.length > 1 ? null : 'Pin two images first');
    },
    async perform({ stores, controller }) {
      const { path } = stores.view.getState();
      const player = await controller.playground.player();
      if (path === '') stores.view.setState({ path: formatPath(DEFAULT_PATH) });
      if (path !== '' && player.store.getState().playing) player.pause();
      else player.play();
    },
  },
  {
    id: 'path-new',
    name: 'Make a path from the selected image',
    group: 'Between seeds',
    shortcut: 'shift+k',
    keywords: 'sweep sigma temperature class gain walk two seeds interpolate',
    obstacle: (app) => {
      const { images } = app.stores.images.getState();
      if (app.stores.view.getState().path !== '') return 'A path is shown: close it first';
      return noImages(app) ?? (images.some(Boolean) ? null : 'No image is made yet');
    },
    perform: ({ stores }) => stores.asked.setState({ asked: 'path' }),
  },
  {
    id: 'path-close',
    name: 'Close the path',
    group: 'Between seeds',
    keywords: 'stop grid back',
    obstacle: ({ stores }) => (stores.view.getState().path === '' ? 'No path is shown' : null),
    perform: ({ stores }) => stores.view.setState({ path: '' }),
  },
];
