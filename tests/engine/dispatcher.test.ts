import { afterEach, beforeEach, expect, it } from 'vitest';
import { Dispatcher, type DispatcherParts } from '../../src/engine/dispatcher';
import type { DistilWorker } from '../../src/engine/distil/worker';
import type { Engine } from '../../src/engine/engine';
import type { LayersSession } from '../../src/engine/layers/session';
import { InnateError } from '../../src/lib/errors';
import type { Message, Request } from '../../src/protocol/messages';
import { tick } from '../support/fake-client';

const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
beforeEach(() => process.on('unhandledRejection', note));
afterEach(() => {
  process.off('unhandledRejection', note);
  unhandled.length = 0;
});

const NOT_STARTED = () => new InnateError('backend', 'the engine has not been started');

function set(parts: Partial<DispatcherParts> = {}) {
  const posted: Message[] = [];
  const engine = { started: true, ends: [] as (() => void)[] };
  const fake = {
    get modelsUrl() {
      if (!engine.started) throw NOT_STARTED();
      return 'https://here/';
    },
    ready: async () => {},
    start: async () => ({}),
    load: () => new Promise((resolve) => engine.ends.push(() => resolve({}))),
    generate: () => new Promise((resolve) => engine.ends.push(() => resolve('complete'))),
    noteForward: () => {},
  } as unknown as Engine;
  const loads = { distil: 0, layers: 0 };
  const dispatcher = new Dispatcher({
    latents: () => Promise.reject(new Error('not used')),
    engine: () => fake,
    post: (message) => posted.push(message),
    distil: async () => {
      loads.distil++;
      return { runs: async () => null } as unknown as DistilWorker;
    },
    layers: async (_engine, _exclusively, modelsUrl) => {
      loads.layers++;
      await modelsUrl;
      return { look: async () => ({ kind: 'maps' }) } as unknown as LayersSession;
    },
    ...parts,
  });
  let id = 0;
  return {
    engine,
    loads,
    /** Sends a request; what it comes to is in `outcome`. */
    send(request: object): number {
      dispatcher.receive({ ...request, id: ++id } as Request);
      return id;
    },
    outcome(of: number) {
      const found = posted.find((m) => m.type === 'settled' && m.id === of);
      return found?.type === 'settled' ? (found.ok ? found.value : found.error.message) : undefined;
    },
  };
}

const look = { type: 'look', request: { slot: 'a', want: 'maps' } };

it('a look while the engine has no device fails nobody unheard, whether the layers are there or not', async () => {
  const s = set();
  s.engine.started = false;
  const early = s.send(look);
  await tick();
  expect(s.outcome(early)).toBe('the engine has not been started');
  s.engine.started = true;
  const first = s.send(look);
  await tick();
  expect(s.outcome(first)).toEqual({ kind: 'maps' });
  expect(s.loads.layers).toBe(2); // what failed is tried again, what succeeded stays
  s.engine.started = false;
  const second = s.send(look);
  await tick();
  expect(s.outcome(second)).toEqual({ kind: 'maps' });
  expect(s.loads.layers).toBe(2);
  expect(unhandled).toEqual([]);
});

it('a part that cannot be loaded is an error of its callers, and loaded again by the next', async () => {
  let broken = true;
  const s = set({
    distil: async () => {
      if (broken) throw new InnateError('io', 'a part of the page could not be loaded');
      return { runs: async () => null } as unknown as DistilWorker;
    },
  });
  const list = { type: 'runs', call: { do: 'list' } };
  const failing = [s.send(list), s.send(list)];
  await tick();
  for (const id of failing) expect(s.outcome(id)).toBe('a part of the page could not be loaded');
  broken = false;
  const again = s.send(list);
  await tick();
  expect(s.outcome(again)).toBeNull();
  expect(unhandled).toEqual([]);
});

it('calls wait for one another; an older request for images gives way; what is cancelled is not begun', async () => {
  const s = set();
  const load = s.send({ type: 'load', model: {} });
  const older = s.send({ type: 'generate', request: {} });
  const newer = s.send({ type: 'generate', request: {} });
  const cancelled = s.send({ type: 'load', model: {} });
  s.send({ type: 'cancel', target: cancelled });
  await tick();
  expect(s.engine.ends).toHaveLength(1);
  s.engine.ends.shift()!();
  await tick();
  expect([s.outcome(load), s.outcome(older), s.outcome(newer)]).toEqual([{}, 'superseded', undefined]);
  s.engine.ends.shift()!();
  await tick();
  expect([s.outcome(newer), s.outcome(cancelled)]).toEqual(['complete', 'cancelled']);
});

/** One call of every kind; what they ask for is not looked at here. */
const CALLS: Readonly<Record<Exclude<Request['type'], 'cancel' | 'distil-control'>, object>> = {
  start: {},
  open: {},
  reread: {},
  keep: {},
  kept: {},
  'set-sigma': {},
  load: {},
  generate: { request: {} },
  forget: {},
  export: {},
  latents: {},
  distil: {},
  runs: {},
  estimate: {},
  parameters: {},
  'check-data': {},
  'check-paper-file': {},
  measure: {},
  'measure-run': {},
  nearest: {},
  'measure-files': {},
  inspect: { request: {} },
  look: { request: {} },
};
const answering = new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : async () => ({})) });

it.each(Object.entries(CALLS))(
  'a first call of %s, with nothing loaded, ends, and so does the next one',
  async (type, rest) => {
    const s = set({
      engine: () => answering as Engine,
      latents: async () => () => ({}) as never,
      distil: async () => answering as DistilWorker,
      layers: async (_engine, _exclusively, modelsUrl) => {
        await modelsUrl;
        return answering as LayersSession;
      },
    });
    const call = s.send({ type, ...rest });
    const next = s.send({ type: 'load', model: {} });
    for (let i = 0; i < 5; i++) await tick();
    expect(s.outcome(call)).toBeDefined();
    expect(s.outcome(next)).toEqual({});
  },
);
