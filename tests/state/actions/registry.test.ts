import { expect, test } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import type { Action, ActionContext } from '../../../src/state/actions/action';
import { Registry } from '../../../src/state/actions/registry';
import { ariaKeys, keysOf, shortcutOf } from '../../../src/state/actions/shortcut';
import { createEngineStore } from '../../../src/state/engine';
import { createPrefsStore, withRecent } from '../../../src/state/prefs';

function setup() {
  const engine = createEngineStore();
  const done: string[] = [];
  let closed: string | null = 'The shop is closed';
  const actions: Action[] = [
    {
      id: 'buy',
      name: 'Buy',
      group: 'Page',
      shortcut: 'b',
      obstacle: () => closed,
      perform: () => void done.push('buy'),
    },
    {
      id: 'break',
      name: 'Break',
      group: 'Page',
      perform: async () => {
        throw new InnateError('io', 'it broke');
      },
    },
  ];
  const registry = new Registry({ stores: { engine } } as unknown as ActionContext, actions, [
    () =>
      done.map((what) => ({ id: `again-${what}`, name: `Again ${what}`, group: 'Page', perform: () => {} })),
  ]);
  const open = () => {
    closed = null;
  };
  return { registry, engine, done, open };
}

test('an action with an obstacle is not done, by key or by name, and says why; without it is', async () => {
  const { registry, done, open } = setup();
  const buy = registry.get('buy');
  expect(registry.obstacle(buy)).toBe('The shop is closed');
  expect(registry.ofShortcut('b')).toBeNull();
  await registry.perform(buy);
  expect(done).toEqual([]);
  open();
  expect(registry.ofShortcut('b')).toBe(buy);
  await registry.perform(buy);
  expect(done).toEqual(['buy']);
  expect(() => registry.get('sell')).toThrow('no action is called sell');
});

test('what follows from the state is listed as the state is', async () => {
  const { registry, open } = setup();
  expect(registry.list().map(({ id }) => id)).toEqual(['buy', 'break']);
  open();
  await registry.perform(registry.get('buy'));
  expect(registry.list().map(({ id }) => id)).toEqual(['buy', 'break', 'again-buy']);
});

test('what goes wrong in an action stands in the error line', async () => {
  const { registry, engine } = setup();
  await registry.perform(registry.get('break'));
  expect(engine.getState().error?.line).toContain('it broke');
});

test('a key press is written with its modifiers; Shift counts with letters and named keys alone', () => {
  const none = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
  expect(shortcutOf({ ...none, key: 'g' })).toBe('g');
  expect(shortcutOf({ ...none, key: 'G', shiftKey: true })).toBe('shift+g');
  expect(shortcutOf({ ...none, key: '?', shiftKey: true })).toBe('?');
  expect(shortcutOf({ ...none, key: 'k', metaKey: true })).toBe('mod+k');
  expect(shortcutOf({ ...none, key: 'Z', ctrlKey: true, shiftKey: true })).toBe('mod+shift+z');
  expect(shortcutOf({ ...none, key: 'Enter', altKey: true, shiftKey: true })).toBe('alt+shift+enter');
});

test('a shortcut is shown as keyboards have it', () => {
  expect(keysOf('mod+shift+z', false)).toEqual(['Ctrl', 'Shift', 'Z']);
  expect(keysOf('mod+k', true)).toEqual(['⌘', 'K']);
  expect(keysOf('?', false)).toEqual(['?']);
  expect(ariaKeys('mod+k', false)).toBe('Control+K');
  expect(ariaKeys('alt+escape', true)).toBe('Alt+Escape');
});

test('the last used actions are remembered, the newest first and each once', () => {
  const stored = new Map<string, string>();
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
  };
  const prefs = createPrefsStore(storage);
  for (const id of ['a', 'b', 'a', 'c']) prefs.setState(({ recent }) => ({ recent: withRecent(recent, id) }));
  expect(createPrefsStore(storage).getState().recent).toEqual(['c', 'a', 'b']);
  expect(withRecent(['1', '2', '3', '4', '5', '6', '7', '8'], '9')).toHaveLength(8);
});
