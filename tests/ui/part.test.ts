import { expect, test } from 'vitest';
import { fetchParts, part } from '../../src/ui/part';

const View = () => null;

test('parts are fetched one at a time, when there is nothing else to do, with those that a part brings; one that fails stops nobody', async () => {
  const log: string[] = [];
  const load = (name: string, andThen = () => {}) => {
    part(async () => {
      log.push(name);
      andThen();
      return { default: View };
    });
  };
  load('tab', () => load('part of the tab'));
  part(() => Promise.reject(new Error('offline')));
  load('dialog');
  await fetchParts(async () => void log.push('idle'));
  expect(log).toEqual(['idle', 'tab', 'idle', 'idle', 'dialog', 'idle', 'part of the tab']);
  log.length = 0;
  await fetchParts(async () => void log.push('idle'));
  expect(log).toEqual([]);
});
