import { describe, expect, test } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import { type AsideJob, AsideRequests } from '../../../src/state/generate/aside';
import { FakeClient } from '../../support/fake-client';

function setUp() {
  const client = new FakeClient();
  const listeners: (() => void)[] = [];
  const main = { idle: false, whenIdle: (listener: () => void) => void listeners.push(listener) };
  const aside = new AsideRequests({ client, main, ready: () => true });
  const taken: string[] = [];
  const failed: string[] = [];
  const job = (key: string): AsideJob => ({
    key,
    request: {
      model: { kind: 'catalogue', id: 'm' },
      seeds: [Number(key)],
      classIndex: null,
      sampler: 'one-step',
      steps: 18,
      sigma: 80,
      sigmaMid: 0.8,
    },
    take: () => taken.push(key),
    fail: () => failed.push(key),
  });
  return {
    client,
    aside,
    taken,
    failed,
    job,
    rest: () => {
      main.idle = true;
      for (const listener of listeners) listener();
    },
    busy: () => {
      main.idle = false;
    },
    asked: () => client.calls.map(({ request }) => request.seeds[0]),
  };
}

describe('pictures beside those of the view', () => {
  test('wait until the view rests, and come one at a time', async () => {
    const s = setUp();
    s.aside.want('pins', [s.job('1'), s.job('2')]);
    expect(s.asked()).toEqual([]);
    s.rest();
    expect(s.asked()).toEqual([1]);
    s.client.calls[0]!.deliver([0]);
    await s.client.calls[0]!.settle();
    expect(s.asked()).toEqual([1, 2]);
    s.client.calls[1]!.deliver([0]);
    await s.client.calls[1]!.settle();
    expect(s.taken).toEqual(['1', '2']);
    expect(s.asked()).toEqual([1, 2]);
  });

  test('what a request of the view superseded is made again when that is over', async () => {
    const s = setUp();
    s.rest();
    s.aside.want('pins', [s.job('1')]);
    s.busy();
    await s.client.calls[0]!.settle('superseded');
    expect(s.asked()).toEqual([1]);
    s.rest();
    expect(s.asked()).toEqual([1, 1]);
  });

  test('what is no longer wanted is abandoned and not taken', async () => {
    const s = setUp();
    s.rest();
    s.aside.want('pins', [s.job('1')]);
    s.aside.want('pins', [s.job('2')]);
    expect(s.client.calls[0]!.options.signal!.aborted).toBe(true);
    s.client.calls[0]!.deliver([0]);
    expect(s.taken).toEqual([]);
    expect(s.asked()).toEqual([1, 2]);
    await s.client.calls[1]!.settle();
    expect(s.asked()).toEqual([1, 2, 2]); // it ended without an image: superseded unseen
  });

  test('what fails is told once, and the next one comes', async () => {
    const s = setUp();
    s.rest();
    s.aside.want('pins', [s.job('1'), s.job('2')]);
    await s.client.calls[0]!.fail(new InnateError('backend', 'no'));
    expect(s.failed).toEqual(['1']);
    expect(s.asked()).toEqual([1, 2]);
  });
});
