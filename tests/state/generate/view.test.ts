import { expect, test } from 'vitest';
import { seedAt, tidySeed } from '../../../src/state/generate/view';
import { createPrefsStore } from '../../../src/state/prefs';
import { workLine } from '../../../src/state/work-line';

test('seeds count on, and begin again after the last', () => {
  expect(seedAt(7, 3)).toBe(10);
  expect(seedAt(0.1, 2)).toBe(2.1);
  expect(seedAt(4294967295, 0)).toBe(4294967295);
  expect(seedAt(4294967295, 1)).toBe(0);
  expect(seedAt(4294967294.5, 1)).toBe(4294967295); // between the last and the first: the last
  expect(seedAt(4294967294.5, 2)).toBe(0.5);
  expect(tidySeed(-3)).toBe(0);
  expect(tidySeed(0.1 + 0.2)).toBe(0.3);
});

test('preferences are kept, and bad ones ignored', () => {
  const kept = new Map([['innate.theme', 'purple']]);
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  const prefs = createPrefsStore(storage);
  expect(prefs.getState()).toEqual({
    theme: 'auto',
    backend: 'auto',
    smooth: false,
    precision: 'auto',
    tiles: 'auto',
    recent: [],
  });
  prefs.setState({ theme: 'dark', smooth: true });
  expect(createPrefsStore(storage).getState()).toEqual({
    theme: 'dark',
    backend: 'auto',
    smooth: true,
    precision: 'auto',
    tiles: 'auto',
    recent: [],
  });
});

test('storage that refuses leaves preferences for the page', () => {
  const refuse = () => {
    throw new Error('no');
  };
  const prefs = createPrefsStore({ getItem: refuse, setItem: refuse });
  prefs.setState({ theme: 'dark' });
  expect(prefs.getState().theme).toBe('dark');
});

test('the line says what is under way', () => {
  const work = { kind: 'generating', subject: 'Cats', cancellable: true } as const;
  const idle = { work: null, progress: null, made: null, error: null };
  expect(workLine(idle)).toBeNull();
  expect(
    workLine({
      ...idle,
      work,
      progress: { what: 'preparing shaders', done: 12, total: 48, unit: 'shaders' },
    }),
  ).toMatchObject({ what: 'Preparing shaders 12/48', detail: 'Cats', value: 0.25 });
  expect(
    workLine({ ...idle, work, progress: { what: 'downloading', done: 1.2e6, total: 6.8e6, unit: 'bytes' } }),
  ).toMatchObject({ what: 'Downloading 1.2 of 6.8 MB' });
  expect(workLine({ ...idle, work, made: [6, 24] })).toMatchObject({ what: 'Generating 6/24', value: 0.25 });
  const error = { line: 'bad.pkl: no', of: 'opening' } as const;
  expect(workLine({ ...idle, work, error })).toEqual({ kind: 'error', text: 'bad.pkl: no', choose: [] });
});
