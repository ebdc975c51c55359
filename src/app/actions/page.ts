import type { BackendPreference } from '../../protocol/models';
import type { Action } from '../../state/actions/action';
import { TABS, type Tab } from '../../state/generate/view';
import { copyText } from '../../ui/copy-text';
import { nextTheme } from '../theme';

export const TAB_NAMES: Record<Tab, string> = {
  generate: 'Generate',
  distil: 'Distil',
  layers: 'Layers',
  models: 'Models',
};

const BACKENDS: readonly [BackendPreference, string, string][] = [
  ['auto', 'Run on whatever is fastest', 'automatic'],
  ['webgpu', 'Run on WebGPU', 'gpu graphics card'],
  ['wasm', 'Run on WebAssembly', 'cpu processor wasm'],
];

/** What concerns the page as a whole. */
export const PAGE_ACTIONS: readonly Action[] = [
  {
    id: 'palette',
    name: 'Find an action',
    group: 'Page',
    shortcut: 'mod+k',
    keywords: 'command palette search',
    perform: ({ showPalette }) => showPalette(),
  },
  ...TABS.map((tab, i) => ({
    id: `${tab}-tab`,
    name: `Show the ${TAB_NAMES[tab]} tab`,
    group: 'Page' as const,
    shortcut: String(i + 1),
    keywords: 'go to view',
    perform: ({ stores }: Parameters<Action['perform']>[0]) => stores.view.setState({ tab }),
  })),
  {
    id: 'open',
    name: 'Open a checkpoint',
    group: 'Models',
    shortcut: 'o',
    keywords: 'file load pkl pt safetensors network weights',
    perform: ({ chooseFile }) => chooseFile(),
  },
  {
    id: 'link',
    name: 'Copy link to this view',
    group: 'Take away',
    shortcut: 'l',
    keywords: 'share address url',
    perform: async ({ controller, announce }) =>
      announce(
        (await copyText(controller.link()))
          ? 'Link copied'
          : 'The browser did not allow copying. The link is in the address bar',
      ),
  },
  {
    id: 'cancel',
    name: 'Cancel what is under way',
    group: 'Page',
    keywords: 'stop abort',
    obstacle: ({ stores }) =>
      stores.steps.getState().steps.length > 0 || stores.engine.getState().work?.cancellable
        ? null
        : 'Nothing is under way',
    // Images are quick; who looks for this means what takes long.
    perform: ({ controller }) => {
      if (!controller.steps.cancelNewest()) controller.cancel();
    },
  },
  ...BACKENDS.map(([backend, name, keywords]) => ({
    id: `backend-${backend}`,
    name,
    group: 'Page' as const,
    keywords: `backend engine ${keywords}`,
    obstacle: ({ stores }: Parameters<NonNullable<Action['obstacle']>>[0]) =>
      stores.prefs.getState().backend === backend ? 'It is chosen already' : null,
    perform: ({ controller }: Parameters<Action['perform']>[0]) => controller.chooseBackend(backend),
  })),
  {
    id: 'theme',
    name: 'Next theme: automatic, light or dark',
    group: 'Page',
    shortcut: 't',
    keywords: 'colours dark mode',
    perform: ({ stores, announce }) => {
      const theme = nextTheme(stores.prefs.getState().theme);
      stores.prefs.setState({ theme });
      announce(`Theme: ${theme === 'auto' ? 'automatic' : theme}`);
    },
  },
  {
    id: 'help',
    name: 'Show Help and all keys',
    group: 'Page',
    shortcut: '?',
    keywords: 'about shortcuts keyboard what is this',
    perform: ({ showHelp }) => showHelp(),
  },
];
