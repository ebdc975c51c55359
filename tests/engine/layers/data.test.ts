import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../src/data';
import { placeOfSeed, withRealImages } from '../../../src/engine/layers/data';
import type { NetworkConfig } from '../../../src/nn/config';

const config = { unet: { inChannels: 1, imgResolution: 1, labelDim: 10 } } as NetworkConfig;

/** A set sorted by class, ten of a hundred images each; an image is one pixel, its place. */
const set = (unreadable: readonly number[] = []): Dataset =>
  ({
    name: 'sorted',
    size: 100,
    labelDim: 10,
    read: async (i: number) =>
      unreadable.includes(i) ? null : { pixels: Uint8Array.of(i), label: Math.floor(i / 10) },
  }) as unknown as Dataset;

const batch = (count: number) => ({ latents: new Float32Array(count), classes: new Int32Array(count) });
const byte = (v: number) => Math.round((v + 1) * 127.5);

describe('the image of a seed', () => {
  it.each([1, 7, 97, 100, 1800])('of %s images, each has its seed before one comes again', (size) => {
    const places = Array.from({ length: size }, (_, seed) => placeOfSeed(seed, size));
    expect([...places].sort((a, b) => a - b)).toEqual(places.map((_, i) => i));
    expect(placeOfSeed(3 * size + 0.5, size)).toBe(places[0]);
  });

  it('is drawn from all of a set, however it is sorted', () => {
    const classes = new Set(
      Array.from({ length: 20 }, (_, seed) => Math.floor(placeOfSeed(seed, 1000) / 100)),
    );
    expect(classes.size).toBeGreaterThan(5);
  });

  it('is the same whichever seeds stand beside it, with its own class', async () => {
    const seeds = [4, 5, 6, 7];
    const all = await withRealImages(batch(4), set(), config, seeds);
    const one = await withRealImages(batch(1), set(), config, [6]);
    expect(one.images![0]).toBe(all.images![2]);
    seeds.forEach((seed, i) => {
      expect(byte(all.images![i]!)).toBe(placeOfSeed(seed, 100));
      expect(all.classes![i]).toBe(Math.floor(placeOfSeed(seed, 100) / 10));
    });
  });

  it('that cannot be read is the next one', async () => {
    const place = placeOfSeed(3, 100);
    const { images } = await withRealImages(batch(1), set([place]), config, [3]);
    expect(byte(images![0]!)).toBe((place + 1) % 100);
  });
});
