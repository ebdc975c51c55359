import { expect, test } from 'vitest';
import { ACTIONS } from '../../src/app/actions/actions';
import { GROUPS } from '../../src/state/actions/action';
import { shortcutOf } from '../../src/state/actions/shortcut';

const repeated = (values: readonly string[]) => values.filter((value, i) => values.indexOf(value) !== i);

test('no two actions have one id, one name or one shortcut', () => {
  expect(repeated(ACTIONS.map(({ id }) => id))).toEqual([]);
  expect(repeated(ACTIONS.map(({ name }) => name))).toEqual([]);
  expect(repeated(ACTIONS.flatMap(({ shortcut }) => shortcut ?? []))).toEqual([]);
});

test('every shortcut is written as the key press that means it', () => {
  for (const { shortcut } of ACTIONS) {
    if (shortcut === undefined) continue;
    const parts = shortcut.split('+');
    const press = {
      key: parts.at(-1)!,
      ctrlKey: parts.includes('mod'),
      metaKey: false,
      altKey: parts.includes('alt'),
      shiftKey: parts.includes('shift'),
    };
    expect(shortcutOf(press)).toBe(shortcut);
  }
});

test('names are sentences without a stop, ids are words joined by hyphens, groups are known', () => {
  for (const { id, name, group } of ACTIONS) {
    expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(name).toMatch(/^[A-Z].*[^.!…]$/);
    expect(GROUPS).toContain(group);
  }
});
