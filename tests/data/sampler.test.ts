import { describe, expect, test } from 'vitest';
import { BatchSampler, type Dataset, type SamplerOptions } from '../../src/data';
import { shuffled } from '../../src/data/shuffle';

/** Images of one row that count up, starting at their index. */
function counting(size: number, unreadable: readonly number[] = []): Dataset {
  return {
    name: 'counting',
    size,
    labelDim: 3,
    classes: null,
    resolution: 2,
    channels: 1,
    skipped: [],
    imagesRead: 0,
    notes: [],
    sizes: [],
    label: (i) => i % 3,
    read: async (i) =>
      unreadable.includes(i) ? null : { pixels: Uint8Array.of(i, i + 1, i + 2, i + 3), label: i % 3 },
  };
}

const sampler = (size: number, options: Partial<SamplerOptions> = {}) =>
  new BatchSampler(counting(size), { seed: 7, ...options });

describe('the order of an epoch', () => {
  test.each([1, 2, 3, 4, 5, 16, 17, 100, 5153])('%i places are a permutation', (size) => {
    for (let epoch = 0; epoch < 2; epoch++) {
      const seen = new Set(Array.from({ length: size }, (_, i) => shuffled(i, size, 1, epoch)));
      expect(seen.size).toBe(size);
      expect(Math.max(...seen)).toBe(size - 1);
    }
  });

  test('epochs and seeds have orders of their own', () => {
    const order = (seed: number, epoch: number) =>
      Array.from({ length: 50 }, (_, i) => shuffled(i, 50, seed, epoch)).join();
    expect(new Set([order(0, 0), order(0, 1), order(1, 0), order(2 ** 32, 0)]).size).toBe(4);
  });

  test('no place prefers an image', () => {
    // Chi-square over 20 images at place 0: 19 degrees of freedom, 43.8 has a chance of 0.1 %.
    const counts = new Array<number>(20).fill(0);
    const epochs = 4000;
    for (let epoch = 0; epoch < epochs; epoch++) counts[shuffled(0, 20, 3, epoch)]!++;
    const chi = counts.reduce((sum, n) => sum + (n - epochs / 20) ** 2 / (epochs / 20), 0);
    expect(chi).toBeLessThan(43.8);
  });

  test('neighbours do not stay together', () => {
    const size = 10_000;
    let close = 0;
    for (let i = 0; i + 1 < size; i++)
      if (Math.abs(shuffled(i, size, 5, 0) - shuffled(i + 1, size, 5, 0)) < 10) close++;
    // About 2 * 9 / 10,000 of them by chance.
    expect(close).toBeLessThan(40);
  });
});

describe('batches', () => {
  test('values are x / 127.5 - 1, labels and places come along', async () => {
    const { images, shape, labels, indices } = await sampler(9, { shuffle: false }).next(2);
    expect(shape).toEqual([2, 1, 2, 2]);
    expect([...images]).toEqual([0, 1, 2, 3, 1, 2, 3, 4].map((x) => Math.fround(x / 127.5 - 1)));
    expect([...labels!]).toEqual([0, 1]);
    expect([...indices]).toEqual([0, 1]);
  });

  test('every image comes once an epoch, whatever the batch size', async () => {
    const s = sampler(10);
    const seen: number[] = [];
    for (const n of [3, 4, 13]) seen.push(...(await s.next(n)).indices);
    for (const epoch of [seen.slice(0, 10), seen.slice(10)])
      expect([...epoch].sort((a, b) => a - b)).toEqual([...Array(10).keys()]);
    expect([s.epoch, s.position]).toEqual([2, 20]);
  });

  test('a saved state goes on exactly, flips included', async () => {
    const options = { seed: 11, xflip: true };
    const whole = sampler(13, options);
    await whole.next(17);
    const resumed = sampler(13, { ...options, ...whole.state });
    for (let k = 0; k < 5; k++) expect(await resumed.next(6)).toEqual(await whole.next(6));
  });

  test('about half of the images are mirrored, each pixel row in itself', async () => {
    const { images, indices } = await sampler(50, { xflip: true }).next(400);
    let flips = 0;
    for (const [n, i] of indices.entries()) {
      const bytes = [...images.subarray(4 * n, 4 * n + 4)].map((v) => Math.round((v + 1) * 127.5) - i);
      if (bytes[0] === 1) flips++;
      expect(bytes).toEqual(bytes[0] === 1 ? [1, 0, 3, 2] : [0, 1, 2, 3]);
    }
    expect(Math.abs(flips - 200)).toBeLessThan(40);
  });

  test('unreadable images are passed over and batches stay full', async () => {
    const s = new BatchSampler(counting(6, [0, 4]), { seed: 1 });
    const { indices } = await s.next(8);
    expect([...indices].sort()).toEqual([1, 1, 2, 2, 3, 3, 5, 5]);
    expect(s.position).toBeGreaterThan(8);
  });

  test('nonsense is refused', async () => {
    expect(() => sampler(3, { seed: -1 })).toThrow('not a seed');
    expect(() => sampler(3, { position: 0.5 })).toThrow('not a position');
    await expect(sampler(3).next(0)).rejects.toThrow('not a batch size');
  });
});
