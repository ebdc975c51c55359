import { describe, expect, test } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import type { DistilEvent, DistilResult } from '../../../src/protocol/distil';
import { followRun } from '../../../src/state/distil/follow';
import { newRun } from '../../../src/state/distil/new-run';
import { createDistilStore, type DistilRunState, type Snapshot } from '../../../src/state/distil/store';
import { createEngineStore } from '../../../src/state/engine';
import { tick } from '../../support/fake-client';

const run = (id: string): DistilRunState => ({
  ...newRun({
    about: { id } as DistilRunState['about'],
    config: { batch: 32 } as DistilRunState['config'],
    sampleSeeds: [],
    sampleEvery: 1,
    measureImages: 0,
    measureEvery: 1,
  }),
  preparing: { what: 'loading the teacher', done: 0, total: 0 },
});

const point = (iteration: number): DistilEvent => ({
  kind: 'point',
  point: {
    iteration,
    images: iteration * 32,
    lossG: 1,
    lossD: 1,
    r1: null,
    logitsReal: 0,
    logitsFake: 0,
    gradientNormG: 1,
    gradientNormD: 1,
    imagesPerSecond: 32,
  },
  memoryBytes: 7,
  peakBytes: 9,
});

const moment = (images: number, student = true): Snapshot => ({
  images,
  pixels: new Uint8ClampedArray(4),
  resolution: 1,
  student,
});

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** A run that is followed; events, frames, the clock and the end are the test's. */
function follow(start = run('a')) {
  const stores = { distil: createDistilStore(), engine: createEngineStore() };
  stores.distil.setState({ run: start });
  const frames: (() => void)[] = [];
  const clock = { ms: 0 };
  const ends: DistilRunState[] = [];
  const call = deferred<DistilResult>();
  let emit: (event: DistilEvent) => void = () => {};
  const seen = () => {
    const { run: held } = stores.distil.getState();
    if (!held) throw new Error('the store holds no run');
    return held;
  };
  followRun(
    start,
    (onEvent) => {
      emit = onEvent;
      return call.promise;
    },
    {
      stores,
      nextFrame: (callback) => frames.push(callback),
      now: () => clock.ms,
      onEnd: () => ends.push(seen()),
    },
  );
  return { stores, frames, clock, ends, call, start, seen, emit: (event: DistilEvent) => emit(event) };
}

describe('following a run', () => {
  test('points of one frame are shown by one update of its version', () => {
    const { emit, frames, seen, start } = follow();
    emit(point(1));
    emit(point(2));
    expect(start.history.points).toHaveLength(2);
    expect(seen()).toMatchObject({ version: 0, preparing: null, memoryBytes: 7, peakBytes: 9 });
    expect(frames).toHaveLength(1);
    frames.shift()?.();
    expect(seen().version).toBe(1);
    emit(point(3));
    expect(frames).toHaveLength(1); // the next frame has one of its own
  });

  test('the pace counts running steps, from the second on, and no pauses', () => {
    const { emit, frames, clock, seen } = follow();
    const shown = () => {
      frames.shift()?.();
      return seen().pace;
    };
    emit({ kind: 'phase', phase: 'running', error: null, wayBack: null });
    clock.ms = 9000; // the first step compiles
    emit(point(1));
    expect(shown()).toBeNull();
    clock.ms = 10_000;
    emit(point(2));
    expect(shown()).toBe(32);
    emit({ kind: 'phase', phase: 'paused', error: null, wayBack: null });
    clock.ms = 60_000;
    emit({ kind: 'phase', phase: 'running', error: null, wayBack: null });
    clock.ms = 61_000;
    emit(point(3));
    expect(shown()).toBe(32);
  });

  test('what was asked for is done by its phase, a single step by its point', () => {
    const { emit, stores, seen } = follow();
    const ask = (asked: DistilRunState['asked']) => stores.distil.setState({ run: { ...seen(), asked } });
    ask('step-g');
    emit(point(1));
    expect(seen().asked).toBeNull();
    ask('pause');
    emit(point(2));
    expect(seen().asked).toBe('pause'); // the step under way was not what was asked for
    emit({ kind: 'phase', phase: 'paused', error: null, wayBack: null });
    expect(seen()).toMatchObject({ asked: null, phase: 'paused' });
  });

  test('a phase without an error leaves the last one standing', () => {
    const { emit, seen } = follow();
    emit({ kind: 'phase', phase: 'failed', error: 'it diverged', wayBack: 'best' });
    emit({ kind: 'phase', phase: 'stopped', error: null, wayBack: null });
    expect(seen()).toMatchObject({ phase: 'stopped', error: 'it diverged', wayBack: 'best' });
  });

  test('a run that goes back loses the end of its history', () => {
    const { emit, start } = follow();
    for (const n of [1, 2, 3]) emit(point(n));
    for (const n of [32, 64, 96]) emit({ kind: 'samples', ...moment(n) });
    emit({ kind: 'rewound', iteration: 1, images: 32 });
    expect(start.history.points.map((p) => p.iteration)).toEqual([1]);
    expect(start.history.snapshots.map((s) => s.images)).toEqual([32]);
  });

  test('students that made room are told once they were there', () => {
    const { emit, seen, start } = follow();
    emit({ kind: 'samples', ...moment(32, false) });
    emit({ kind: 'samples', ...moment(64) });
    emit({ kind: 'students', images: [64] });
    expect(seen().thinned).toBe(false);
    emit({ kind: 'students', images: [] });
    expect(seen().thinned).toBe(true);
    expect(start.history.snapshots.map((s) => s.student)).toEqual([false, false]);
  });

  test('a notice stands until its topic is over', () => {
    const { emit, seen } = follow();
    emit({ kind: 'notice', topic: 'memory', text: 'smaller parts' });
    emit({ kind: 'notice', topic: 'storage', text: 'no room' });
    emit({ kind: 'notice', topic: 'storage', text: null });
    expect(seen().notices).toEqual({ memory: 'smaller parts', storage: undefined });
  });

  test('another run in its place is left alone; its own history goes on', async () => {
    const { emit, stores, frames, seen, start, call, ends } = follow();
    emit(point(1));
    const other = run('b');
    stores.distil.setState({ run: other });
    emit(point(2));
    emit({ kind: 'saved', images: 64, bytes: 1 });
    emit({ kind: 'notice', topic: 'storage', text: 'no room' });
    for (const frame of frames) frame();
    call.resolve({ phase: 'finished', images: 64, student: null });
    await tick();
    expect(seen()).toBe(other);
    expect(start.history.points).toHaveLength(2);
    expect(ends).toHaveLength(1);
  });

  test.each([
    ['cancelled', { phase: 'stopped', error: null }],
    ['backend', { phase: 'failed', error: 'the engine stopped' }],
  ] as const)('a call that ends with a %s error', async (code, expected) => {
    const { call, ends } = follow();
    call.reject(new InnateError(code, 'the engine stopped'));
    await tick();
    expect(ends).toHaveLength(1);
    expect(ends[0]).toMatchObject({ ...expected, ended: true, asked: null, preparing: null });
  });
});
