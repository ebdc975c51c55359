import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { RandomStream } from '../../../src/distil/random';
import { inPixelsToo, memorisation } from '../../../src/engine/measure/memorisation';
import { searchNearest } from '../../../src/engine/measure/nearest-search';
import { isCopying, quantile, relativeDistance } from '../../../src/measure/copying';

beforeAll(() => tf.setBackend('cpu'));

const draw = (seed: number, count: number, dims: number, scale = 1, shift = 0) => ({
  values: new RandomStream(seed, 'r1', 0).normals(count * dims).map((v) => scale * v + shift),
  dims,
});

async function* blocks({ values, dims }: { values: Float32Array; dims: number }, rows: number) {
  for (let at = 0; at < values.length; at += rows * dims) yield values.subarray(at, at + rows * dims);
}

describe('the search', () => {
  it('finds what a sort in float64 finds, of vectors whose products round badly', async () => {
    // Far from zero and close to each other: in float32 the squares and the products cancel.
    const set = draw(1, 500, 40, 0.01, 30);
    const queries = draw(2, 20, 40, 0.01, 30);
    const found = await searchNearest(queries, blocks(set, 60), { k: 5 });
    for (let q = 0; q < 20; q++) {
      const distances = Array.from({ length: 500 }, (_, j) => {
        let sum = 0;
        for (let c = 0; c < 40; c++) sum += (queries.values[q * 40 + c]! - set.values[j * 40 + c]!) ** 2;
        return { j, sum };
      }).sort((a, b) => a.sum - b.sum);
      expect([...found.places.subarray(q * 5, q * 5 + 5)]).toEqual(distances.slice(0, 5).map((d) => d.j));
      expect(found.values[q * 5]).toBeCloseTo(distances[0]!.sum, 12);
    }
    expect(tf.memory().numTensors).toBe(0);
  });

  it('a query of the set itself is not its own neighbour', async () => {
    const set = draw(3, 100, 8);
    const queries = { values: set.values.slice(30 * 8, 33 * 8), dims: 8 };
    const own = Int32Array.of(30, 31, -1);
    const found = await searchNearest(queries, blocks(set, 32), { k: 1, own });
    expect(found.places[0]).not.toBe(30);
    expect(found.values[0]).toBeGreaterThan(0);
    expect([found.places[2], found.values[2]]).toEqual([32, 0]);
  });
});

describe('a generator', () => {
  const dims = 16;
  const training = draw(4, 600, dims);
  const places = Int32Array.from({ length: 200 }, (_, i) => 3 * i);
  const heldOut = { values: new Float32Array(200 * dims), dims };
  for (const [row, place] of places.entries())
    heldOut.values.set(training.values.subarray(place * dims, (place + 1) * dims), row * dims);
  const look = (generated: { values: Float32Array; dims: number }) =>
    memorisation(generated, { vectors: heldOut, places }, blocks(training, 100));

  it('that copies its training set, with noise on it, is caught, and each image with its source', async () => {
    const noise = draw(5, 64, dims, 0.1);
    const copies = noise.values.map((v, i) => v + training.values[i + 10 * dims]!);
    const { copying, suspects, images } = await look({ values: copies, dims });
    expect([copying, suspects]).toEqual([true, 64]);
    expect(images.map(({ near }) => near[0]!.place)).toEqual(Array.from({ length: 64 }, (_, i) => i + 10));
  });

  it('that copies with so much noise that no distance stands out is caught by its next neighbours', async () => {
    // Half of the images lie close together, as plain ones do: the distances between those are the yardstick's smallest.
    const uneven = { values: training.values.map((v, i) => (i < 300 * dims ? v / 10 : v)), dims };
    const held = { values: new Float32Array(200 * dims), dims };
    for (const [row, place] of places.entries())
      held.values.set(uneven.values.subarray(place * dims, (place + 1) * dims), row * dims);
    const noise = draw(8, 64, dims, 0.15);
    const copies = noise.values.map((v, i) => v + uneven.values[i + 400 * dims]!);
    const { copying, images } = await memorisation(
      { values: copies, dims },
      { vectors: held, places },
      blocks(uneven, 100),
    );
    expect(images.some((image) => image.quantile < 0.005)).toBe(false);
    expect(images.filter((image) => image.ratioQuantile < 0.005).length).toBeGreaterThan(32);
    expect(copying).toBe(true);
  });

  it('whose copies move in the features is caught by their pixels, and named by them; chance marks no more than before', async () => {
    const features = await look(draw(6, 64, dims)); // as good as any other images there
    const noise = draw(5, 64, dims, 0.1);
    const pixels = await look({
      values: noise.values.map((v, i) => v + training.values[i + 10 * dims]!),
      dims,
    });
    expect(features.copying).toBe(false);
    const { copying, images, suspects } = inPixelsToo(features, pixels);
    expect([copying, suspects]).toEqual([true, 64]);
    expect(images.map(({ inPixels }) => inPixels!.near.place)).toEqual(
      Array.from({ length: 64 }, (_, i) => i + 10),
    );
    expect(images[0]!.near).toEqual(features.images[0]!.near);
    const both = inPixelsToo(features, await look(draw(9, 64, dims)));
    expect([both.copying, both.suspects < 5]).toEqual([false, true]);
  });

  it('of the same distribution is not', async () => {
    const { copying, suspects, images, real } = await look(draw(6, 64, dims));
    expect(copying).toBe(false);
    expect(suspects).toBeLessThan(5);
    const median = images.map((i) => i.quantile).sort((a, b) => a - b)[32]!;
    expect(median).toBeGreaterThan(0.25);
    expect(median).toBeLessThan(0.75);
    expect(real.every((d, i) => i === 0 || d >= real[i - 1]!)).toBe(true);
  });

  it('that copies one image in eight is caught too', async () => {
    const mixed = draw(7, 64, dims);
    for (let i = 0; i < 64; i += 8)
      mixed.values.set(training.values.subarray(i * dims, (i + 1) * dims), i * dims);
    const found = await look(mixed);
    expect(found.copying).toBe(true);
    for (let i = 0; i < 64; i += 8) expect(found.images[i]).toMatchObject({ suspect: true, quantile: 0 });
  });
});

it('chance makes one suspect in a hundred', () => {
  expect(quantile(2, [1, 2, 3, 4])).toBe(0.25);
  expect(quantile(9, [1, 2, 3, 4])).toBe(1);
  expect([relativeDistance([1, 3, 5]), relativeDistance([1]), relativeDistance([0, 0])]).toEqual([
    0.25, 1, 1,
  ]);
  expect([isCopying(0, 64), isCopying(2, 64), isCopying(6, 64)]).toEqual([false, false, true]);
  expect([isCopying(100, 10_000), isCopying(140, 10_000)]).toEqual([false, true]);
});
