import { describe, expect, test } from 'vitest';
import { pinPictureKey } from '../../../src/state/generate/pin-pictures';
import { isPinned } from '../../../src/state/generate/pins';
import { AS_USUAL, MAX_PINS, withOwn } from '../../../src/state/generate/points';
import type { ViewState } from '../../../src/state/generate/view';
import { bootPage } from '../../support/page';

/** The page with live images of clothes. */
async function clothes(view: Partial<ViewState> = {}) {
  const s = await bootPage({ model: 'clothes', ...view });
  s.frame();
  s.client.calls[0]!.deliver([0, 1, 2, 3], 50);
  await s.client.calls[0]!.settle();
  return s;
}

const key = (seed: number, classIndex: number) => pinPictureKey('clothes', { ...AS_USUAL, seed, classIndex });

describe('pins', () => {
  test('hold the image with the class that it has now and its settings, and let it go again', async () => {
    const s = await clothes({ seed: 4, sigma: 40, temperature: 0.9, mix: [{ index: 0, weight: 0.25 }] });
    const { view } = s.stores;
    expect(s.controller.pins.toggle(2)).toContain('Seed 6 is pinned');
    const pin = {
      ...AS_USUAL,
      seed: 6,
      classIndex: 2,
      sigma: 40,
      temperature: 0.9,
      mix: [{ index: 0, weight: 0.25 }],
    };
    expect(view.getState().pins).toEqual([pin]);
    const image = s.stores.images.getState().images[2]!;
    expect(isPinned(view.getState(), image, 2)).toBe(true);
    expect(s.controller.pins.toggle(2)).toContain('no longer');
    expect(view.getState().pins).toEqual([]);
    expect(isPinned(view.getState(), image, 2)).toBe(false);
  });

  test('those of a link that begins with a path are made, though no grid comes first', async () => {
    const pins = [3, 9].map((seed) => ({ ...AS_USUAL, seed, classIndex: 1 }));
    const s = await bootPage({ model: 'clothes', pins, path: 'leg=4' });
    s.frame();
    expect(s.client.calls.map(({ request }) => request.seeds)).toEqual([[3]]);
  });

  test('an image that is in the grid is not made again; those of a link are, when the view rests', async () => {
    const s = await bootPage({ model: 'clothes', pins: [{ ...AS_USUAL, seed: 30, classIndex: 1 }] });
    s.frame();
    expect(s.client.calls).toHaveLength(1);
    s.client.calls[0]!.deliver([0, 1, 2, 3], 50);
    await s.client.calls[0]!.settle();
    expect(s.client.calls[1]!.request).toMatchObject({ seeds: [30], classIndex: 1, sigma: 80 });
    s.client.calls[1]!.deliver([0], 77);
    await s.client.calls[1]!.settle();
    s.controller.pins.toggle(1);
    expect(s.client.calls).toHaveLength(2);
    const { pictures } = s.stores.pinned.getState();
    expect(pictures[key(30, 1)]!.pixels[0]).toBe(77);
    expect(pictures[key(1, 1)]!.pixels[0]).toBe(50);
  });

  test('another model draws them anew, without classes that it does not have', async () => {
    const s = await clothes();
    s.controller.pins.toggle(2);
    s.controller.selectModel('afhq-cat-64x64-gdd-i');
    s.frame();
    const call = s.client.calls.at(-1)!;
    call.deliver([0, 1, 2, 3]);
    await call.settle();
    expect(s.client.calls.at(-1)!.request).toMatchObject({
      model: { id: 'afhq-cat-64x64-gdd-i' },
      seeds: [2],
      classIndex: null,
    });
    expect(s.stores.view.getState().pins).toHaveLength(1);
  });

  test('to show one is to go on from it with its settings', async () => {
    const s = await clothes();
    const noise = { latent: null, strokes: [{ seed: 9, radius: 3, strength: 1, points: [0, 0] }] };
    s.controller.pins.show({ ...AS_USUAL, seed: 30, classIndex: 1, sigma: 20, noise });
    expect(s.stores.view.getState()).toMatchObject({
      seed: 30,
      classIndex: 1,
      sigma: 20,
      selected: 0,
      own: [{ place: 0, classIndex: null, noise }],
    });
    s.frame();
    const request = s.client.calls.at(-1)!.request;
    expect(request.own![0]).toEqual({
      noise: { kind: 'painted', under: { kind: 'seed', seed: 30 }, strokes: noise.strokes },
    });
    s.client.calls.at(-1)!.deliver([0]);
    expect(s.names()[0]).toBe('Model clothes, painted, seed 30, class boot');
  });

  test('there is an end to them, which is said', async () => {
    const s = await clothes();
    const pins = Array.from({ length: MAX_PINS }, (_, i) => ({ ...AS_USUAL, seed: 100 + i }));
    s.stores.view.setState({ pins });
    expect(s.controller.pins.toggle(0)).toContain(`${MAX_PINS} images`);
    expect(s.stores.view.getState().pins).toHaveLength(MAX_PINS);
    s.controller.pins.remove(pins[3]!);
    expect(s.stores.view.getState().pins.map(({ seed }) => seed)).not.toContain(103);
  });
});

describe('an image that keeps its class', () => {
  test('has it whatever the others are given, unmixed, until it is released', async () => {
    const s = await clothes();
    const { view } = s.stores;
    view.setState({
      own: withOwn([], 1, { classIndex: 2 }),
      classIndex: 0,
      mix: [{ index: 1, weight: 0.5 }],
    });
    s.frame();
    expect(s.client.calls.at(-1)!.request).toMatchObject({
      classIndex: 0,
      mix: [{ index: 1, weight: 0.5 }],
      own: [null, { classIndex: 2, mix: [] }, null, null],
    });
    view.setState({ own: withOwn(view.getState().own, 1, { classIndex: null }) });
    expect(view.getState().own).toEqual([]);
  });

  test('is forgotten with its place', async () => {
    const s = await clothes({ own: [{ place: 3, classIndex: 1, noise: null }] });
    s.stores.view.setState({ count: 2 });
    expect(s.stores.view.getState().own).toEqual([]);
  });
});
