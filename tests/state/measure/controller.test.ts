import { describe, expect, it } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import type { MeasureResult, NearestRequest, NearestResult } from '../../../src/protocol/measure';
import { createLongStepsStore, LongSteps } from '../../../src/state/long-steps';
import { MeasureController } from '../../../src/state/measure/controller';
import { createMeasureStore, type MeasuredHow } from '../../../src/state/measure/store';
import type { ModelFacts } from '../../../src/state/models';
import { FakeClient, tick } from '../../support/fake-client';

const RESULT = {
  metrics: { fid: { value: 3, error: 0.1, floor: 1 } },
  n: 5000,
  features: 'X',
} as MeasureResult;
const HOW: MeasuredHow = {
  protocol: 'quick',
  count: 300,
  sampler: 'one-step',
  steps: 40,
  features: 'resnet56',
};
const CATS = { key: 'cats', name: 'Cats', ref: { kind: 'catalogue', id: 'cats' } } as ModelFacts;
const PACK = { kind: 'pack', id: 'afhq' } as const;

/** A page in a browser that keeps what `kept` has. */
function page(kept = new Map<string, string>()) {
  const storage = {
    getItem: (k: string) => kept.get(k) ?? null,
    setItem: (k: string, v: string) => void kept.set(k, v),
  };
  const client = new FakeClient();
  const store = createMeasureStore(storage);
  let ids = 0;
  let now = 0;
  const steps = new LongSteps(createLongStepsStore(), () => now);
  const controller = new MeasureController({
    client,
    store,
    steps,
    now: () => now,
    newId: () => `m${ids++}`,
  });
  const progress = (done: number, total: number, what = 'generating') =>
    client.measured.at(-1)!.options.onProgress?.({ what, done, total, unit: 'images' });
  const wait = (ms: number) => {
    now += ms;
  };
  return { kept, client, store, steps: steps.store, controller, progress, wait };
}

describe('a measurement', () => {
  it('is kept with its model, and outlives a reload', async () => {
    const first = page();
    const run = first.controller.start(CATS, PACK, HOW);
    expect(first.client.measured[0]!.request).toMatchObject({ id: 'm0', data: PACK, protocol: 'quick' });
    first.client.measured[0]!.end(RESULT);
    await run;
    expect(first.store.getState()).toMatchObject({ work: null, pending: null });
    const { results } = page(first.kept).store.getState();
    expect(results.cats).toMatchObject([{ n: 5000, how: HOW, metrics: RESULT.metrics }]);
  });

  it('that a closed tab cut off goes on under its name, with its pack', async () => {
    const first = page();
    void first.controller.start(CATS, PACK, HOW);
    first.progress(100, 5000);
    first.progress(2500, 5000);
    const second = page(first.kept);
    expect(second.store.getState().pending).toMatchObject({ id: 'm0', key: 'cats', done: 2500 });
    const run = second.controller.resume(CATS);
    expect(second.client.measured[0]!.request).toMatchObject({ id: 'm0', data: PACK, ...HOW });
    second.client.measured[0]!.end(RESULT);
    await run;
    expect(second.store.getState()).toMatchObject({ pending: null, results: { cats: [{ n: 5000 }] } });
  });

  it("a person's own images are asked for only where they are needed once more", async () => {
    const { controller, client, store } = page();
    const own = { kind: 'files', files: [], name: 'my.zip' } as const;
    const run = controller.start(CATS, { ...own, files: [] }, HOW);
    controller.pause();
    await run;
    expect(store.getState()).toMatchObject({
      work: null,
      error: null,
      pending: { data: { pack: null, name: 'my.zip' } },
    });
    const again = controller.resume(CATS);
    expect(client.measured[1]!.request.data).toBeNull();
    client.measured[1]!.fail(new InnateError('not-found', 'the real images are needed once more'));
    await again;
    expect(store.getState().error).toMatchObject({ key: 'cats', line: expect.stringContaining('once more') });
    void controller.resume(CATS, { ...own, files: [] });
    expect(client.measured[2]!.request.data).toMatchObject({ kind: 'files' });
  });

  it('that is cancelled leaves nothing, and a new one takes the place of what was saved', async () => {
    const { controller, client, store } = page();
    void controller.start(CATS, PACK, HOW);
    await controller.cancel();
    expect(store.getState()).toMatchObject({ work: null, pending: null, error: null });
    expect(client.fileCalls).toEqual([{ do: 'drop-run', id: 'm0' }]);
    const paused = controller.start(CATS, PACK, HOW);
    controller.pause();
    await paused;
    void controller.start(CATS, PACK, HOW);
    await tick();
    expect(client.fileCalls.at(-1)).toEqual({ do: 'drop-run', id: 'm1' });
    expect(client.measured.at(-1)!.request.id).toBe('m2');
  });

  it('says how long it takes from its own pace, and begins anew with another kind of work', () => {
    const { controller, steps, progress, wait } = page();
    void controller.start(CATS, PACK, HOW);
    const left = () => steps.getState().steps[0]!.progress!.left;
    progress(0, 1000, 'measuring real images');
    expect(left()).toBeNull();
    wait(10_000);
    progress(500, 1000, 'measuring real images');
    expect(left()).toBe(10);
    progress(0, 5000);
    expect(left()).toBeNull();
    wait(1000);
    progress(100, 5000);
    expect(left()).toBe(49);
  });

  it('stands in the list of what takes long, and pauses from there', async () => {
    const { controller, store, steps, progress } = page();
    const run = controller.start(CATS, PACK, HOW);
    progress(100, 5000);
    const [step] = steps.getState().steps;
    expect(step).toMatchObject({
      kind: 'measuring',
      subject: 'Cats',
      place: { tab: 'models', measured: 'cats' },
    });
    expect(step!.progress).toMatchObject({ what: 'generating', done: 100, total: 5000 });
    step!.stop.perform();
    await run;
    expect(steps.getState().steps).toEqual([]);
    expect(store.getState()).toMatchObject({ work: null, pending: { id: 'm0', done: 100 } });
  });
});

it('what is damaged in the browser is as good as nothing', () => {
  for (const text of ['{', '{"version":2}', '{"version":1,"results":{"a":[{"n":"x"}]},"pending":{}}']) {
    const { results, pending } = page(new Map([['innate.measured', text]])).store.getState();
    expect([Object.values(results).flat(), pending]).toEqual([[], null]);
  }
});

describe('Inception’s file', () => {
  it('is used once it is opened, and the kept one on the next visit', async () => {
    const { controller, client } = page();
    const file = new File(['x'], 'pt_inception.pth');
    controller.openInception(file);
    void controller.start(CATS, PACK, { ...HOW, features: 'inception' });
    expect(client.measured[0]!.request.inception).toBe(file);
    client.files = { inception: 96e6, features: 0, runs: 0 };
    await controller.keepInception();
    expect(client.fileCalls).toEqual([{ do: 'keep-inception', file }]);
    expect(controller.extras.getState()).toMatchObject({ inception: 'kept' });
    const next = page();
    next.client.files = client.files;
    await next.controller.files({ do: 'list' });
    expect(next.controller.extras.getState().inception).toBe('kept');
    next.client.files = { inception: null, features: 0, runs: 0 };
    await next.controller.files({ do: 'drop-inception' });
    expect(next.controller.extras.getState().inception).toBeNull();
  });
});

it('keeping Inception’s file stands among what takes long, and can be ended there', async () => {
  const { controller, client, steps } = page();
  const file = new File(['x'], 'pt_inception.pth');
  controller.openInception(file);
  client.measureFiles = (_call, options) =>
    new Promise<never>((_resolve, reject) =>
      options!.signal!.addEventListener('abort', () => reject(new InnateError('cancelled', 'cancelled'))),
    );
  const ended = controller.keepInception();
  expect(steps.getState().steps).toMatchObject([{ kind: 'keeping', subject: 'Inception’s file' }]);
  steps.getState().steps[0]!.stop.perform();
  await ended;
  expect(steps.getState().steps).toEqual([]);
  expect(controller.extras.getState()).toMatchObject({ inception: file, filesError: null });
});

it('a newer search takes the place of one under way', async () => {
  const { controller, client } = page();
  const answers: ((result: NearestResult) => void)[] = [];
  client.found = () => new Promise((resolve) => answers.push(resolve));
  const asked = (count: number) => ({
    ref: CATS.ref,
    data: PACK,
    space: 'lite0' as const,
    of: { kind: 'seeds' as const, first: 0, count, sampler: 'one-step' as const, steps: 1 },
    shown: 20,
  });
  const older = controller.nearest('set', asked(20));
  const newer = controller.nearest('set', asked(40));
  answers[1]!({ searched: 2 } as NearestResult);
  answers[0]!({ searched: 1 } as NearestResult);
  await Promise.all([older, newer]);
  expect(controller.extras.getState().set).toMatchObject({
    busy: false,
    result: { searched: 2 },
    error: null,
  });
});

it('any seed is looked for as its set was, and a new look at the set forgets it', async () => {
  const { controller, client } = page();
  const asked: NearestRequest[] = [];
  client.found = async (request) => {
    asked.push(request);
    return { searched: asked.length } as NearestResult;
  };
  await controller.nearestOfSeed(7);
  expect(asked).toEqual([]); // of which model, in which space?
  const of = { kind: 'seeds' as const, first: 0, count: 20, sampler: 'one-step' as const, steps: 1 };
  const set = { ref: CATS.ref, data: PACK, space: 'pixels' as const, of, shown: 20 };
  await controller.nearest('set', set);
  await controller.nearestOfSeed(7);
  expect(asked[1]).toMatchObject({ space: 'pixels', shown: 1, of: { ...of, first: 7, count: 1 } });
  expect(controller.extras.getState()).toMatchObject({
    set: { result: { searched: 1 } },
    seed: { result: { searched: 2 }, busy: false },
  });
  await controller.nearest('set', set);
  expect(controller.extras.getState().seed.result).toBeNull();
});
