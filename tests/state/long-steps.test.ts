import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TimeLeft } from '../../src/lib/time-left';
import {
  createLongStepsStore,
  isInView,
  LongSteps,
  PATIENCE_MS,
  stepName,
  stepShare,
} from '../../src/state/long-steps';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function page() {
  const steps = new LongSteps(createLongStepsStore(), () => Date.now());
  const said: string[] = [];
  steps.store.subscribe((next, before) => {
    if (next.said !== before.said) said.push(next.said);
  });
  const cancel = vi.fn();
  const begin = (
    kind: Parameters<LongSteps['begin']>[0]['kind'] = 'exporting',
    subject = 'GIF of the path',
  ) => steps.begin({ kind, subject, cancel });
  return { steps, said, cancel, begin, now: () => steps.store.getState().steps };
}

const images = (done: number, total = 48) => ({ done, total, unit: 'images' as const });

describe('the list of what takes long', () => {
  test('has each step with its name, how far it is, the time left and its end', () => {
    const { now, begin, cancel } = page();
    const gif = begin();
    gif.progress(images(0));
    vi.advanceTimersByTime(6000);
    gif.progress(images(12));
    begin('measuring', 'Cats').progress({ ...images(5, 10), what: 'generating' });
    const [first, second] = now();
    expect(stepName(first!)).toBe('Exporting GIF of the path');
    expect(first!.progress).toEqual({ ...images(12), left: 18 });
    expect(stepShare(first!)).toBe(0.25);
    expect(stepName(second!)).toBe('Measuring Cats');
    first!.stop.perform();
    expect(cancel).toHaveBeenCalledOnce();
    gif.end('done');
    expect(now().map(stepName)).toEqual(['Measuring Cats']);
  });

  test('what ends at once is never told of', () => {
    const { now, said, begin } = page();
    const quick = begin('opening', 'mine.pkl');
    vi.advanceTimersByTime(PATIENCE_MS - 1);
    expect(now()[0]!.told).toBe(false);
    quick.end('done');
    vi.advanceTimersByTime(PATIENCE_MS);
    expect(now()).toEqual([]);
    expect(said).toEqual([]);
  });

  test('a newer step of a kind takes the place of the older, of which nothing more is heard', () => {
    const { now, said, begin } = page();
    const first = begin('opening', 'first.pkl');
    const second = begin('opening', 'second.pkl');
    vi.advanceTimersByTime(PATIENCE_MS);
    first.progress(images(47));
    first.end('cancelled');
    expect(now()).toMatchObject([{ subject: 'second.pkl', progress: null }]);
    second.end('failed');
    expect(said).toEqual(['Opening second.pkl.', 'Opening second.pkl failed.']);
  });

  test('steps of one kind with keys of their own go on beside each other', () => {
    const { now, steps, cancel } = page();
    for (const id of ['a', 'b']) steps.begin({ kind: 'downloading', key: id, subject: id, cancel });
    expect(now().map(stepName)).toEqual(['Downloading a', 'Downloading b']);
  });

  test('the newest is the one that is cancelled from the list of actions', () => {
    const { steps, begin, cancel } = page();
    expect(steps.cancelNewest()).toBe(false);
    begin();
    const newest = vi.fn();
    steps.begin({ kind: 'opening', subject: 'mine.pkl', cancel: newest });
    expect(steps.cancelNewest()).toBe(true);
    expect(newest).toHaveBeenCalledOnce();
    expect(cancel).not.toHaveBeenCalled();
  });
});

describe('screen readers are told', () => {
  test('that it began, each quarter, and that it ended; nothing between', () => {
    const { said, begin } = page();
    const gif = begin();
    vi.advanceTimersByTime(PATIENCE_MS);
    for (let done = 0; done <= 48; done++) gif.progress(images(done));
    gif.end('done');
    const name = 'Exporting GIF of the path';
    expect(said).toEqual([
      `${name}.`,
      `${name}: 25 %.`,
      `${name}: 50 %.`,
      `${name}: 75 %.`,
      `${name} finished.`,
    ]);
  });

  test('what went by before it was told of, and a part that begins anew, are not told', () => {
    const { said, begin } = page();
    const zip = begin('exporting', '50,000 images');
    zip.progress(images(20)); // resumed
    vi.advanceTimersByTime(PATIENCE_MS);
    zip.progress(images(23));
    zip.progress({ ...images(0, 4), what: 'writing' });
    zip.progress({ ...images(1, 4), what: 'writing' });
    zip.progress({ ...images(2, 4), what: 'writing' });
    zip.end('cancelled');
    expect(said).toEqual([
      'Exporting 50,000 images.',
      'Exporting 50,000 images: 50 %.',
      'Exporting 50,000 images stopped.',
    ]);
  });
});

test('a step is left to the view that is about it: not to that of another model, nor of another run', () => {
  const view = { tab: 'distil', measured: 'cats', run: 'run-1' };
  expect(isInView({ tab: 'distil', run: 'run-1' }, view)).toBe(true);
  expect(isInView({ tab: 'distil', run: 'run-2' }, view)).toBe(false);
  expect(isInView({ tab: 'distil', run: 'run-1' }, { ...view, run: null })).toBe(false);
  expect(isInView({ tab: 'models', measured: 'cats' }, view)).toBe(false);
  expect(isInView({ tab: 'models', measured: 'cats' }, { ...view, tab: 'models' })).toBe(true);
  expect(isInView({ tab: 'models', measured: null }, { ...view, tab: 'models' })).toBe(false);
});

test('the time left is known from the pace since the kind of work began', () => {
  let now = 0;
  const left = new TimeLeft(() => now);
  expect(left.of({ what: 'a', done: 600, total: 1000 })).toBeNull(); // what an earlier visit made says nothing
  now = 10_000;
  expect(left.of({ what: 'a', done: 800, total: 1000 })).toBe(10);
  expect(left.of({ what: 'a', done: 900, total: null })).toBeNull();
  expect(left.of({ what: 'b', done: 900, total: 1000 })).toBeNull();
  now = 11_000;
  expect(left.of({ what: 'b', done: 950, total: 1000 })).toBe(1);
  expect(left.of({ what: 'b', done: 0, total: 1000 })).toBeNull(); // begun anew
});
