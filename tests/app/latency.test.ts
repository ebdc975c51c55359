import { expect, test } from 'vitest';
import { watchLatency } from '../../src/app/latency';
import type { InputToPicture } from '../../src/lib/input-to-picture';
import { createImagesStore, type MadeImage } from '../../src/state/generate/images';
import { createViewStore, defaultView } from '../../src/state/generate/view';

/** A page whose events, frames, tasks and clock are in the test's hand. */
function setup(count = 1) {
  const view = createViewStore(defaultView(count));
  const images = createImagesStore();
  const listeners: ((event: { timeStamp: number }) => void)[] = [];
  const frames: (() => void)[] = [];
  const tasks: (() => void)[] = [];
  const told: (InputToPicture & { ms: number })[] = [];
  let now = 0;
  watchLatency(
    { view, images },
    {
      addEventListener: (type, listener) => type === 'pointermove' && listeners.push(listener),
      nextFrame: (callback) => frames.push(callback),
      nextTask: (callback) => tasks.push(callback),
      now: () => now,
      tell: (start, end, detail) => told.push({ ...detail, ms: end - start }),
    },
  );
  const run = (queue: (() => void)[]) => {
    for (const callback of queue.splice(0)) callback();
  };
  return {
    told,
    images,
    view,
    /** The pointer moved at that time, and the listener that hears of it now sets the seed. */
    drag(seed: number, at: number) {
      for (const listener of listeners) listener({ timeStamp: at });
      view.setState({ seed });
      run(tasks);
    },
    /** Pictures of these seeds come into their places. */
    come: (...seeds: (number | null)[]) =>
      images.setState(({ images: old }) => ({
        images: seeds.map((seed, i) =>
          seed === null ? (old[i] ?? null) : ({ recipe: { seed } } as MadeImage),
        ),
      })),
    paintAt(time: number) {
      now = time;
      run(frames);
      run(tasks);
    },
  };
}

test('from the time stamp of the event to the task after the frame', () => {
  const s = setup();
  s.drag(5, 100);
  s.come(5);
  expect(s.told).toEqual([]); // it is not painted yet
  s.paintAt(130);
  expect(s.told).toEqual([
    { what: 'selected', seed: 5, own: true, ms: 30 },
    { what: 'all', seed: 5, own: true, ms: 30 },
  ]);
});

test('an input that a later one overtook counts until the later one’s picture', () => {
  const s = setup();
  s.drag(5, 100);
  s.drag(6, 116);
  s.come(6);
  s.paintAt(150);
  expect(s.told.filter(({ what }) => what === 'selected')).toEqual([
    { what: 'selected', seed: 5, own: false, ms: 50 },
    { what: 'selected', seed: 6, own: true, ms: 34 },
  ]);
});

test('the picture of an earlier input does not count for a later one', () => {
  const s = setup();
  s.drag(5, 100);
  s.drag(6, 116);
  s.come(5);
  s.paintAt(120);
  expect(s.told.map(({ seed }) => seed)).toEqual([5, 5]);
  s.come(6);
  s.paintAt(140);
  expect(s.told.at(-1)).toEqual({ what: 'all', seed: 6, own: true, ms: 24 });
});

test('all images: when the last one in view has come, whatever is out of sight', () => {
  const s = setup(3);
  s.images.setState({ unseen: [2] });
  s.drag(10, 100);
  s.come(10, null, null);
  s.paintAt(110);
  s.come(null, 11, null);
  s.paintAt(130);
  expect(s.told).toEqual([
    { what: 'selected', seed: 10, own: true, ms: 10 },
    { what: 'all', seed: 10, own: true, ms: 30 },
  ]);
});

test('a change that no input made, and one that makes other pictures, are not measured', () => {
  const s = setup();
  s.view.setState({ seed: 3 }); // an address
  s.come(3);
  s.paintAt(10);
  s.drag(4, 20);
  s.view.setState({ sigma: 10 });
  s.come(4);
  s.paintAt(40);
  expect(s.told).toEqual([]);
});
