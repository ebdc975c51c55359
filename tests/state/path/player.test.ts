import { describe, expect, test } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import { AS_USUAL } from '../../../src/state/generate/points';
import { FrameStore } from '../../../src/state/path/frame-store';
import { PathPlayer } from '../../../src/state/path/player';
import { formatPath } from '../../../src/state/path/view';
import { tick } from '../../support/fake-client';
import { bootPage } from '../../support/page';

const PIN = { ...AS_USUAL };
const VIEW = { leg: 4, fps: 10, loop: true, frame: 0, stops: null, gain: null };

/** A page that plays a path of eight frames through two pins. */
async function play(change = {}) {
  const page = await bootPage({
    pins: [
      { ...PIN, seed: 3 },
      { ...PIN, seed: 9 },
    ],
    path: formatPath({ ...VIEW, ...change }),
  });
  page.client.calls.length = 0;
  let now = 0;
  const frames: (() => void)[] = [];
  const player = new PathPlayer({
    client: page.client,
    stores: page.stores,
    nextFrame: (callback) => frames.push(callback),
    now: () => now,
  });
  const state = () => player.store.getState();
  const call = () => page.client.calls.at(-1)!;
  /** Makes all that the newest request asks for. */
  const deliver = async () => {
    const made = call();
    made.deliver(made.request.seeds.map((_, i) => i));
    await made.settle();
  };
  return {
    ...page,
    player,
    state,
    call,
    deliver,
    all: async () => {
      while (state().made < state().total) await deliver();
    },
    /** Time goes on, and the screen is drawn. */
    pass: (ms: number) => {
      now += ms;
      for (const callback of frames.splice(0)) callback();
    },
  };
}

describe('a path that is played', () => {
  test('is not made by the grid, and each frame is made once', async () => {
    const p = await play();
    expect(p.state()).toMatchObject({ total: 8, at: 0, made: 0, playing: false });
    expect(p.call().request).toMatchObject({ background: true, seeds: [3] });
    await p.all();
    const asked = p.client.calls.reduce((sum, { request }) => sum + request.seeds.length, 0);
    expect(asked).toBe(8);
    const calls = p.client.calls.length;
    p.player.seek(5);
    p.player.seek(0);
    expect(p.client.calls).toHaveLength(calls);
  });

  test('waits for a frame that is not made, and does not hurry afterwards', async () => {
    const p = await play();
    p.player.play();
    await p.deliver(); // the first frame
    p.pass(1000);
    expect(p.state().at).toBe(0);
    await p.all();
    p.pass(0);
    expect(p.state().at).toBe(1);
    p.pass(99);
    expect(p.state().at).toBe(1);
    p.pass(1);
    expect(p.state().at).toBe(2);
    p.pass(300);
    expect(p.state().at).toBe(5);
  });

  test('goes round where it is a loop, and ends where it is none', async () => {
    const loop = await play();
    await loop.all();
    loop.player.play();
    loop.pass(900);
    expect(loop.state()).toMatchObject({ at: 1, playing: true });
    const open = await play({ loop: false });
    expect(open.state().total).toBe(5);
    await open.all();
    open.player.play();
    open.pass(900);
    expect(open.state()).toMatchObject({ at: 4, playing: false });
    open.player.play();
    expect(open.state()).toMatchObject({ at: 0, playing: true });
  });

  test('where it is dragged the newest place comes first, once something was shown', async () => {
    const p = await play();
    await p.deliver();
    p.call().deliver([0]); // of the request that is under way
    p.player.seek(6);
    const { request } = p.call();
    expect(request.own?.[0]?.noise).toMatchObject({ kind: 'between', from: { seed: 9 }, at: 0.5 });
    await tick();
    expect(p.stores.engine.getState().error).toBeNull();
  });

  test('another path begins with nothing made; another rate keeps what is made', async () => {
    const p = await play();
    await p.all();
    p.stores.view.setState({ path: formatPath({ ...VIEW, fps: 20 }) });
    expect(p.state()).toMatchObject({ made: 8, total: 8 });
    p.stores.view.setState({ path: formatPath({ ...VIEW, leg: 6 }) });
    expect(p.state()).toMatchObject({ made: 0, total: 12 });
    p.stores.view.setState({ path: '' });
    expect(p.state()).toMatchObject({ path: null, total: 0, playing: false });
  });

  test('begins where its link says', async () => {
    const p = await play({ frame: 5 });
    expect(p.state().at).toBe(5);
  });

  test('what fails is said, and ends the playing', async () => {
    const p = await play();
    p.player.play();
    await p.call().fail(new InnateError('backend', 'the device is lost'));
    expect(p.state().playing).toBe(false);
    expect(p.stores.engine.getState().error?.line).toContain('the device is lost');
  });

  test('the grid is made again when it is closed', async () => {
    const p = await play();
    p.frame();
    const before = p.client.calls.length;
    p.stores.view.setState({ path: '' });
    p.frame();
    const later = p.client.calls.slice(before);
    expect(later.map(({ request }) => request.background ?? false)).toEqual([false]);
    expect(later[0]!.request.seeds).toHaveLength(4);
  });
});

test('of more frames than memory may hold those furthest from the playhead go', () => {
  const image = { pixels: new Uint8ClampedArray(100) } as never;
  const store = new FrameStore(350);
  for (const frame of [0, 1, 2, 3]) store.put(frame, image, 3);
  expect([0, 1, 2, 3].map((frame) => store.has(frame))).toEqual([false, true, true, true]);
});
