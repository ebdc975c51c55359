import { beforeEach, describe, expect, test } from 'vitest';
import { InnateError } from '../../../src/lib/errors';
import type { LookResult } from '../../../src/protocol/layers';
import { tick } from '../../support/fake-client';
import { layersPage } from '../../support/layers-page';

let page: ReturnType<typeof layersPage>;
let client: typeof page.client;
let layers: typeof page.layers;
let stores: typeof page.stores;
let world: typeof page.world;

beforeEach(() => {
  page = layersPage();
  ({ client, layers, stores, world } = page);
});

describe('the close look', () => {
  const of = (slot: string) => client.looks.filter((l) => l.request.slot === slot);
  const shown = () => layers.store.getState().looks;
  const awaited = () => layers.store.getState().awaited;
  const picture = (ms: number): LookResult => ({
    kind: 'picture',
    pixels: new Uint8ClampedArray(4),
    resolution: 1,
    spectrum: [],
    ms,
  });

  test('asks only for what has changed, and never goes back to an older picture', async () => {
    layers.show();
    await tick();
    expect(of('denoised')).toHaveLength(1);
    expect(of('sampled')).toHaveLength(0); // only where the guide shows it
    layers.set({ at: 5 });
    await tick();
    expect(of('denoised')).toHaveLength(2);
    expect(of('oneStep')).toHaveLength(1); // the student is at 80 whatever sigma is
    await of('denoised')[1]!.answer(picture(2));
    await of('denoised')[0]!.answer(picture(1));
    expect(layers.store.getState().looks.denoised?.ms).toBe(2);
  });

  test('one that failed is tried again', async () => {
    layers.show();
    await tick();
    await of('oneStep')[0]!.fail(new InnateError('io', 'could not be read'));
    expect(layers.store.getState().error).toEqual({ of: 'oneStep', line: 'could not be read' });
    layers.set({ at: 5 });
    await tick();
    expect(of('oneStep')).toHaveLength(1); // a hand that drags does not ask sixty times a second
    world.now = 2500;
    layers.set({ at: 6 });
    await tick();
    expect(of('oneStep')).toHaveLength(2);
    await of('oneStep')[1]!.fail(new InnateError('io', 'could not be read'));
    layers.tryAgain();
    await tick();
    expect(of('oneStep')).toHaveLength(3);
    await of('oneStep')[2]!.answer(picture(3));
    expect(shown().oneStep?.ms).toBe(3);
    expect(layers.store.getState().error).toBeNull();
    layers.tryAgain();
    await tick();
    expect(of('oneStep')).toHaveLength(3);
  });

  test('another partner keeps what is still right, and takes away what is not', async () => {
    layers.show();
    await tick();
    await of('denoised')[0]!.answer(picture(1));
    await of('oneStep')[0]!.answer(picture(2));
    layers.set({ partner: 'none' });
    expect(shown().denoised?.ms).toBeUndefined(); // alone, the student is the network that is looked at
    await tick();
    stores.view.setState({ model: 'fashion-mnist-32x32-teacher' });
    await tick();
    await of('denoised').at(-1)!.answer(picture(3));
    await of('oneStep').at(-1)!.answer(picture(4));
    expect(of('oneStep').at(-1)!.request.model).toMatchObject({ id: 'fashion-mnist-32x32-teacher' });
    const asked = of('denoised').length;
    layers.set({ partner: null });
    // The teacher's own is as it was; the one step was the teacher's, and is to be the student's.
    expect(shown().denoised?.ms).toBe(3);
    expect(shown().oneStep).toBeNull();
    expect(awaited().has('denoised')).toBe(false);
    expect(awaited().has('oneStep')).toBe(true);
    await tick();
    expect(of('denoised')).toHaveLength(asked);
    await of('oneStep').at(-1)!.answer(picture(5));
    expect(shown().oneStep?.ms).toBe(5);
    expect(awaited().has('oneStep')).toBe(false);
  });

  test('a picture of other settings says so until the right one is here', async () => {
    layers.show();
    await tick();
    await of('denoised')[0]!.answer(picture(1));
    expect(awaited().has('denoised')).toBe(false);
    layers.set({ at: 40 });
    expect(shown().denoised?.of.sigma).toBe(1.92);
    expect(awaited().has('denoised')).toBe(true); // at once, not a frame later
    await tick();
    await of('denoised')[1]!.answer(picture(2));
    expect(awaited().has('denoised')).toBe(false);
    expect(shown().denoised?.of.sigma).toBe(40);
  });

  test('under the words of the guide’s next step no older picture stays', async () => {
    layers.show();
    await tick();
    await of('denoised')[0]!.answer(picture(1));
    await of('oneStep')[0]!.answer(picture(2));
    layers.set({ guide: 2, at: 80 });
    expect(shown().denoised).toBeNull();
    expect(shown().oneStep?.ms).toBe(2); // from 80 whatever the step is
    await tick();
    expect(of('sampled')).toHaveLength(1);
    await of('denoised')[1]!.answer(picture(3));
    expect(shown().denoised?.ms).toBe(3);
  });

  test('a late picture of another network is not shown', async () => {
    layers.show();
    await tick();
    stores.view.setState({ model: 'afhq-cat-64x64-gdd-i' });
    await tick();
    await of('denoised')[0]!.answer(picture(1));
    expect(shown().denoised).toBeNull();
  });

  test('gains go to both networks, and into the link', async () => {
    layers.show();
    await tick();
    layers.set({ gains: { 'dec.8x8_in0': 0 } });
    await tick();
    const last = (slot: string) => client.looks.filter((l) => l.request.slot === slot).at(-1)!.request;
    expect(last('oneStep').gains).toEqual({ 'dec.8x8_in0': 0 });
    expect(last('denoised').gains).toEqual({ 'dec.8x8_in0': 0 });
    expect(last('input').gains).toEqual({});
    expect(stores.view.getState().layers).toBe('gain=dec.8x8_in0%3A0');
  });
});
