import type { Action, ActionContext } from '../../state/actions/action';
import { besidePair } from '../../state/beside/controller';

const shown = ({ stores }: ActionContext) => {
  const { moments, current } = stores.history.getState();
  return { before: current > 0, after: current < moments.length - 1, moment: moments[current] };
};

/** What is done to the view as a whole, and to what single images have of their own. */
export const OWN_ACTIONS: readonly Action[] = [
  {
    id: 'undo',
    name: 'Undo',
    group: 'Images',
    shortcut: 'mod+z',
    keywords: 'back history revert',
    obstacle: (app) => (shown(app).before ? null : 'Nothing was changed yet'),
    perform: ({ controller }) => void controller.history.undo(),
  },
  {
    id: 'redo',
    name: 'Redo',
    group: 'Images',
    shortcut: 'mod+shift+z',
    keywords: 'forward history again',
    obstacle: (app) => (shown(app).after ? null : 'Nothing was undone'),
    perform: ({ controller }) => void controller.history.redo(),
  },
  {
    id: 'mark',
    name: 'Mark this view in the history, or no longer',
    group: 'Images',
    shortcut: 'b',
    keywords: 'bookmark star favourite keep',
    perform: (app) => {
      const { moment } = shown(app);
      if (moment) app.announce(app.controller.history.keep(moment.id));
    },
  },
  {
    id: 'beside',
    name: 'Teacher beside student, for the selected image',
    group: 'Compare',
    keywords: 'pair versus nfe heun one step',
    obstacle: ({ stores }) => (besidePair(stores) ? null : 'This model has no teacher or student here'),
    perform: ({ stores, controller }) => {
      stores.view.setState({ tab: 'generate', compare: false });
      controller.beside.show(!stores.beside.getState().open);
    },
  },
  {
    id: 'temperature-reset',
    name: 'Reset temperature',
    group: 'Images',
    keywords: 'noise default truncation',
    obstacle: ({ stores }) => (stores.view.getState().temperature === 1 ? 'It is 1' : null),
    perform: ({ stores }) => stores.view.setState({ temperature: 1 }),
  },
  {
    id: 'mix-reset',
    name: 'Take all classes out of the mix',
    group: 'Images',
    keywords: 'class default reset',
    obstacle: ({ stores }) => (stores.view.getState().mix.length === 0 ? 'Nothing is mixed' : null),
    perform: ({ stores }) => stores.view.setState({ mix: [] }),
  },
  {
    id: 'own-reset',
    name: 'Let all images be as the controls say',
    group: 'Images',
    keywords: 'reset own noise latent paint class release',
    obstacle: ({ stores }) =>
      stores.view.getState().own.length === 0 ? 'No image has anything of its own' : null,
    perform: ({ stores }) => stores.view.setState({ own: [] }),
  },
  {
    id: 'unpin-all',
    name: 'Let go of all pins',
    group: 'Between seeds',
    keywords: 'clear remove pinned',
    obstacle: ({ stores }) => (stores.view.getState().pins.length === 0 ? 'Nothing is pinned' : null),
    perform: ({ stores }) => stores.view.setState({ pins: [] }),
  },
];
