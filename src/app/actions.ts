import { TABS, type Tab } from '../state/generate/view';
import type { AppContext } from '../state/react';
import { copyText } from '../ui/copy-text';
import { nextTheme } from './theme';

/** What a person can do from anywhere. Buttons, keys and the help dialog read this one list. */
export interface Action {
  id: string;
  label: string;
  /** The key as KeyboardEvent.key, lower case. */
  key: string;
  perform: () => void | Promise<void>;
}

export const TAB_NAMES: Record<Tab, string> = {
  generate: 'Generate',
  distil: 'Distil',
  layers: 'Layers',
  models: 'Models',
};

export function createActions(
  { stores, controller, announce, showHelp }: AppContext,
  page: { chooseFile: () => void },
): Action[] {
  const go = (tab: Tab) => stores.view.setState({ tab });
  return [
    { id: 'generate', label: 'Generate', key: 'g', perform: controller.generate },
    { id: 'random', label: 'Random seed', key: 'r', perform: controller.randomSeed },
    {
      id: 'pin',
      label: 'Pin the selected image, or let it go',
      key: 'p',
      perform: () => {
        const { tab, compare, selected } = stores.view.getState();
        if (tab === 'generate' && !compare) announce(controller.pins.toggle(selected));
      },
    },
    {
      id: 'link',
      label: 'Copy link to this view',
      key: 'l',
      perform: async () =>
        announce(
          (await copyText(controller.link()))
            ? 'Link copied'
            : 'The browser did not allow copying. The link is in the address bar',
        ),
    },
    { id: 'open', label: 'Open a checkpoint', key: 'o', perform: page.chooseFile },
    {
      id: 'theme',
      label: 'Next theme: automatic, light or dark',
      key: 't',
      perform: () => {
        const theme = nextTheme(stores.prefs.getState().theme);
        stores.prefs.setState({ theme });
        announce(`Theme: ${theme === 'auto' ? 'automatic' : theme}`);
      },
    },
    ...TABS.map((tab, i) => ({
      id: `${tab}-tab`,
      label: `${TAB_NAMES[tab]} tab`,
      key: String(i + 1),
      perform: () => go(tab),
    })),
    { id: 'help', label: 'Help', key: '?', perform: showHelp },
  ];
}

/** Performs the action of a key, unless the key is meant for a field or for the browser. */
export function handleKey(event: KeyboardEvent, actions: readonly Action[]): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target instanceof Element && takesText(event.target)) return;
  if (document.querySelector('dialog[open]')) return;
  const action = actions.find((a) => a.key === event.key.toLowerCase());
  if (!action) return;
  event.preventDefault();
  void action.perform();
}

function takesText(element: Element): boolean {
  if (element instanceof HTMLInputElement) return element.type !== 'range' && element.type !== 'file';
  return element instanceof HTMLSelectElement || element instanceof HTMLTextAreaElement;
}
