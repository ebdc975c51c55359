import { expect, it } from 'vitest';
import type { SavedRun } from '../../src/engine/run-state';
import type { WayBack } from '../../src/engine/runs-protocol';
import { wayBackOf } from '../../src/engine/way-back';

/** Saves by how many iterations they have. */
const saver = (iterations: Partial<Record<WayBack, number>>) => ({
  load: async (which: WayBack = 'last') =>
    iterations[which] === undefined ? null : ({ meta: { iteration: iterations[which] } } as SavedRun),
});

it.each([
  ['the newest save', { last: 4, earlier: 2 }, 5, 'last'],
  ['the one before where the newest is broken', { last: 5, earlier: 2 }, 5, 'earlier'],
  ['the best where both are', { last: 8, earlier: 5, best: 3 }, 5, 'best'],
  ['none', { last: 8, earlier: 5 }, 5, null],
] as const)('goes back to %s', async (_, saves, brokenAt, expected) => {
  expect(await wayBackOf({ goBackTo: 'last', brokenAt }, saver(saves))).toBe(expected);
});

it('a rising distance goes back to the best', async () => {
  expect(await wayBackOf({ goBackTo: 'best', brokenAt: 9 }, saver({ last: 1 }))).toBe('best');
});
