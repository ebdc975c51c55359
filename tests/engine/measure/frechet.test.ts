import { expect, test } from 'vitest';
import { type Dataset, drawn } from '../../../src/data';
import { realVariance } from '../../../src/engine/distil/spread';
import { FrechetMeasure } from '../../../src/engine/measure/frechet';
import type { MeasureNetwork } from '../../../src/engine/measure/measure-networks';

/** Features of an image: its first two pixels. */
const net: MeasureNetwork = {
  dims: 2,
  async run({ values, count }) {
    const each = values.length / count;
    return new Map([['features', values.filter((_, i) => i % each < 2)]]);
  },
  dispose() {},
};

/** Images of 2 x 2 in the order of their classes: dark ones first, bright ones last. Every `broken`-th cannot be read. */
function sorted(size: number, broken = Number.POSITIVE_INFINITY) {
  const asked: number[] = [];
  const failed = new Map<number, { name: string; reason: string }>();
  const data: Dataset = {
    name: 'sorted.zip',
    size,
    labelDim: 0,
    classes: null,
    resolution: 2,
    channels: 1,
    label: () => null,
    notes: [],
    sizes: [],
    async read(i) {
      if (i % broken === broken - 1) {
        failed.set(i, { name: `${i}.png`, reason: 'not an image' });
        return null;
      }
      asked.push(i);
      const shade = Math.floor((200 * i) / size);
      return { pixels: Uint8Array.of(shade + ((7 * i) % 11), shade + ((5 * i) % 13), 0, 0), label: null };
    },
    get skipped() {
      return [...failed.values()];
    },
    get imagesRead() {
      return asked.length;
    },
  };
  return { data, asked };
}

test('of a sorted set, reference and held-out images are drawn from all of it', async () => {
  const { data, asked } = sorted(600);
  const measure = await FrechetMeasure.against(net, data, 100, 100);
  // Its head and its tail are dark and bright: their distance would be above 1.
  expect(measure.floor.value).toBeLessThan(0.1);
  expect(measure.reference).toBe('100 images of sorted.zip, drawn at random (seed 0)');
  expect(new Set(asked).size).toBe(200);
  expect(Math.max(...asked) - Math.min(...asked)).toBeGreaterThan(500);
});

test('the same seed draws the same images, another seed others', async () => {
  const draw = async (seed: number) => {
    const { data, asked } = sorted(600);
    await FrechetMeasure.against(net, data, 20, 30, undefined, seed);
    return asked;
  };
  expect(await draw(0)).toEqual(await draw(0));
  expect(await draw(1)).not.toEqual(await draw(0));
});

test('images that cannot be read are replaced by others, and counted', async () => {
  const { data } = sorted(600, 3);
  const measure = await FrechetMeasure.against(net, data, 50, 100);
  expect([measure.read, data.imagesRead]).toEqual([150, 150]);
  expect(data.skipped.length).toBeGreaterThan(20);
});

test('of a set with fewer readable images than asked for, half are held out', async () => {
  const { data } = sorted(60, 2);
  const measure = await FrechetMeasure.against(net, data, 30, 30);
  expect([measure.read, measure.reference.slice(0, 9)]).toEqual([30, '15 images']);
});

test('a set of which nothing can be read is an error that says why', async () => {
  await expect(FrechetMeasure.against(net, sorted(20, 1).data, 10, 10)).rejects.toMatchObject({
    code: 'bad-file',
    detail: { found: expect.stringContaining('not an image') },
  });
  await expect(FrechetMeasure.against(net, sorted(3).data, 10, 10)).rejects.toThrow('too few images');
});

test('the spread that samples are compared to is that of the whole set', async () => {
  const head = sorted(5000);
  const variance = await realVariance(head.data);
  expect(Math.max(...head.asked)).toBeGreaterThan(4000);
  const all = sorted(5000);
  const values: number[] = [];
  for await (const { pixels } of drawn(all.data)) values.push(pixels[0]!);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const whole = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
  expect(variance / 2).toBeGreaterThan(0.7 * whole);
});
