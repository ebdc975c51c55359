import { expect, test } from 'vitest';
import { openDataset } from '../../../src/data';
import { checkDataset } from '../../../src/engine/distil/data-check';
import { encodePng } from '../../../src/formats/png';
import { decoders, source, zip } from '../../data/helpers';

const png = (shade: number, width = 4, height = 4): Uint8Array =>
  encodePng({ width, height, channels: 1, data: new Uint8Array(width * height).fill(shade) });
const look = async (files: Record<string, Uint8Array | string>, now?: () => number) =>
  checkDataset(await openDataset(source(zip(files)), { decoders, resolution: 8 }), async () => {}, now);

test('a look finds sizes, classes, small pictures, and what cannot be read', async () => {
  const files = { 'a/1.png': png(10), 'a/2.png': png(10), 'b/1.png': png(10, 6, 5), 'b/2.png': 'nonsense' };
  const check = await look(files);
  expect(check).toMatchObject({
    name: 'set.zip',
    size: 4,
    looked: 4,
    labelDim: 2,
    classes: ['a', 'b'],
    channels: 1,
    sizes: [
      { width: 4, height: 4, count: 2 },
      { width: 6, height: 5, count: 1 },
    ],
    otherSizes: 0,
    skipped: 1,
    reasons: expect.stringContaining('b/2.png: not an image'),
  });
  const { pixels, resolution, count } = check.thumbnails;
  expect([resolution, count, pixels.length]).toEqual([8, 3, 3 * 8 * 8 * 4]);
  expect([...pixels.slice(0, 4)]).toEqual([10, 10, 10, 255]);
});

test('of a large set a part is looked at, and time is bounded', async () => {
  const files = Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`${i}.png`, png(i % 250)]));
  const all = await look(files, () => 0);
  expect([all.size, all.looked, all.thumbnails.count]).toEqual([600, 500, 8]);
  let time = 0;
  const slow = await look(files, () => (time += 1000));
  expect(slow.looked).toBe(5);
});
