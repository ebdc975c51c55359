import { INPUT_TO_PICTURE, type InputToPicture } from '../lib/input-to-picture';
import type { Stores } from '../state/app-state';
import { seedAt } from '../state/generate/view';

/** Inputs that are remembered while their pictures do not come. */
const MOST = 1000;

/** The parts of `window` that are used; a test passes its own. */
export interface LatencyPage {
  addEventListener(type: string, listener: (event: { timeStamp: number }) => void, capture: boolean): void;
  /** Calls in the next frame, before it is painted. */
  nextFrame(callback: () => void): void;
  /** Calls in a task of its own, after what is under way. */
  nextTask(callback: () => void): void;
  now(): number;
  /** Tells one measurement, from `start` to `end`. */
  tell(start: number, end: number, detail: InputToPicture): void;
}

interface Input {
  seed: number;
  at: number;
}

/** Measures from now on how long pictures take after the input that asks for them. */
export function watchLatency({ view, images }: Pick<Stores, 'view' | 'images'>, page: LatencyPage): void {
  /** The event whose listeners run. */
  let event: { timeStamp: number } | null = null;
  /** Inputs whose picture has not come, oldest first. */
  const waiting: Record<InputToPicture['what'], Input[]> = { selected: [], all: [] };

  for (const type of ['pointerdown', 'pointermove', 'keydown', 'input'])
    page.addEventListener(
      type,
      (heard) => {
        event = heard;
        page.nextTask(() => {
          if (event === heard) event = null;
        });
      },
      true,
    );

  view.subscribe((next, before) => {
    // Whatever else changes makes other pictures: only a seed tells by itself which input a picture is of.
    const comparable = (
      ['model', 'classIndex', 'count', 'sampler', 'sigma', 'selected', 'tab', 'compare'] as const
    ).every((key) => next[key] === before[key]);
    if (!comparable) {
      waiting.selected = [];
      waiting.all = [];
    } else if (event && next.seed !== before.seed)
      for (const list of Object.values(waiting)) {
        list.push({ seed: next.seed, at: event.timeStamp });
        if (list.length > MOST) list.shift(); // nothing comes: the engine has stopped
      }
  });

  images.subscribe((next, before) => {
    if (next.images === before.images) return;
    const { selected } = view.getState();
    const come = (what: InputToPicture['what'], shows: (seed: number) => boolean) => {
      const found = waiting[what].findLastIndex(({ seed }) => shows(seed));
      if (found < 0) return;
      const inputs = waiting[what].splice(0, found + 1);
      const { seed: shown } = inputs.at(-1)!;
      page.nextFrame(() =>
        page.nextTask(() => {
          const end = page.now();
          for (const { seed, at } of inputs) page.tell(at, end, { what, seed, own: seed === shown });
        }),
      );
    };
    const isOf = (seed: number, index: number) => next.images[index]?.recipe.seed === seedAt(seed, index);
    if (next.images[selected] !== before.images[selected]) come('selected', (seed) => isOf(seed, selected));
    const out = new Set(next.unseen);
    come('all', (seed) => next.images.every((_, index) => out.has(index) || isOf(seed, index)));
  });
}

/** The page itself. */
export function latencyPage(): LatencyPage {
  const channel = new MessageChannel(); // a task that no timer delays
  const tasks: (() => void)[] = [];
  channel.port1.onmessage = () => tasks.shift()?.();
  return {
    addEventListener: (type, listener, capture) =>
      addEventListener(type, listener, { capture, passive: true }),
    nextFrame: (callback) => requestAnimationFrame(callback),
    nextTask(callback) {
      tasks.push(callback);
      channel.port2.postMessage(null);
    },
    now: () => performance.now(),
    tell(start, end, detail) {
      performance.measure(INPUT_TO_PICTURE, { start, end, detail });
      performance.clearMeasures(INPUT_TO_PICTURE); // observers have it; the browser's own list would only grow
    },
  };
}
