import { expect, test } from 'vitest';
import { RecentMap } from '../../src/lib/recent-map';

test('keeps what was used last, up to a number of entries', () => {
  const map = new RecentMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  expect(map.get('a')).toBe(1);
  map.set('c', 3);
  expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([1, undefined, 3, 2]);
});

test('keeps up to a size; a value that is replaced no longer counts, and the newest always stays', () => {
  const map = new RecentMap<string, number[]>(10, (list) => list.length);
  map.set('a', Array(6).fill(0));
  map.set('a', Array(4).fill(0));
  map.set('b', Array(6).fill(0));
  expect(map.size).toBe(2);
  map.set('c', Array(50).fill(0));
  expect([map.size, map.get('c')?.length]).toEqual([1, 50]);
  map.delete('c');
  map.set('d', Array(10).fill(0));
  map.set('e', []);
  expect(map.size).toBe(2);
});
