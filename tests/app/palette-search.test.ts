import { expect, test } from 'vitest';
import { ACTIONS } from '../../src/app/actions/actions';
import { searchActions } from '../../src/app/palette/search';

const first = (text: string) => searchActions(text, ACTIONS)[0]?.action.id;

test('the beginning of a word, its initials, a keyword and letters left out all find an action', () => {
  expect(first('gener')).toBe('generate');
  expect(first('random')).toBe('random');
  expect(first('rs')).toBe('random'); // Random seed
  expect(first('dark')).toBe('theme'); // a keyword
  expect(first('sv png')).toBe('save-png');
  expect(first('layers tab')).toBe('layers-tab');
});

test('each word has to be found; what is nowhere finds nothing', () => {
  expect(searchActions('generate zebra', ACTIONS)).toEqual([]);
  expect(searchActions('qqqq', ACTIONS)).toEqual([]);
  expect(searchActions('  ', ACTIONS)).toHaveLength(ACTIONS.length);
});

test('the letters that were meant are the ones marked: starts of words before others, in a row', () => {
  const [found] = searchActions('seed', [
    { id: 'x', name: 'See the seed', group: 'Page', perform: () => {} },
  ]);
  expect(found?.letters).toEqual([8, 9, 10, 11]);
});

test('a name comes before a keyword', () => {
  const action = (id: string, name: string, keywords = '') =>
    ({ id, name, keywords, group: 'Page', perform: () => {} }) as const;
  const found = searchActions('link', [action('a', 'Share', 'link'), action('b', 'Copy link')]);
  expect(found.map((f) => f.action.id)).toEqual(['b', 'a']);
});
