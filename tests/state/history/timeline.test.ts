import { describe, expect, test } from 'vitest';
import { Gestures, NUDGE_MS } from '../../../src/state/history/gestures';
import { thumbnailOf } from '../../../src/state/history/store';
import { extended, type Moment, type Timeline } from '../../../src/state/history/timeline';

type M = Moment<string>;
const moment = (state: string, kept = false): M => ({ id: state.charCodeAt(0), state, kept });
const of = (text: string, current = text.length - 1): Timeline<M> => ({
  moments: [...text].map((c) => moment(c.toLowerCase(), c !== c.toLowerCase())),
  current,
});
const text = ({ moments, current }: Timeline<M>) =>
  moments
    .map(({ state, kept }, i) => (i === current ? `[${state}]` : kept ? state.toUpperCase() : state))
    .join('');

describe('the list that undo walks through', () => {
  test('a change comes behind what is shown; what was undone goes, but for what is marked', () => {
    expect(text(extended(of('abc'), moment('x'), 9))).toBe('abc[x]');
    expect(text(extended(of('abcd', 1), moment('x'), 9))).toBe('ab[x]');
    expect(text(extended(of('abCd', 0), moment('x'), 9))).toBe('aC[x]');
  });

  test('the oldest go where there are too many; marked ones stay and do not count', () => {
    expect(text(extended(of('abcd'), moment('x'), 3))).toBe('cd[x]');
    expect(text(extended(of('aBcd'), moment('x'), 3))).toBe('Bcd[x]');
    expect(text(extended(of('ABCD'), moment('x'), 1))).toBe('ABCD[x]');
  });
});

describe('what is one step', () => {
  const set = () => {
    let now = 0;
    const gestures = new Gestures(() => now);
    return { gestures, pass: (ms: number) => (now += ms) };
  };

  test('a drag is, however long it takes; the next one is another', () => {
    const { gestures, pass } = set();
    gestures.press(null);
    expect(gestures.continues('seed')).toBe(false);
    pass(60_000);
    expect(gestures.continues('seed')).toBe(true);
    gestures.release();
    gestures.press(null);
    expect(gestures.continues('seed')).toBe(false);
  });

  test('a key that is held is, and arrow keys one after the other', () => {
    const { gestures, pass } = set();
    gestures.press('ArrowRight');
    expect(gestures.continues('seed')).toBe(false);
    gestures.release();
    pass(NUDGE_MS - 1);
    gestures.press('ArrowRight');
    expect(gestures.continues('seed')).toBe(true);
    gestures.release();
    pass(NUDGE_MS);
    gestures.press('ArrowRight');
    expect(gestures.continues('seed')).toBe(false);
  });

  test('other keys, clicks and other values are not', () => {
    const { gestures } = set();
    for (const key of ['r', 'r', null, null]) {
      gestures.press(key);
      gestures.release(); // a click comes after the pointer is up
      expect(gestures.continues('seed')).toBe(false);
    }
    gestures.press('ArrowUp');
    gestures.continues('seed');
    expect(gestures.continues('sigma')).toBe(false);
    gestures.interrupt();
    expect(gestures.continues('sigma')).toBe(false);
  });
});

test('a thumbnail is at most 64 pixels a side, of means of whole blocks', () => {
  const pixels = new Uint8ClampedArray(128 * 128 * 4).map((_, i) =>
    i % 4 === 3 ? 255 : i % 8 < 4 ? 100 : 200,
  );
  const small = thumbnailOf({ pixels, resolution: 128 });
  expect([small.resolution, small.pixels[0], small.pixels[3], small.pixels.length]).toEqual([
    64,
    150,
    255,
    4 * 64 * 64,
  ]);
  const own = thumbnailOf({ pixels: pixels.subarray(0, 4 * 4), resolution: 2 });
  expect([...own.pixels]).toEqual([...pixels.subarray(0, 16)]);
});
