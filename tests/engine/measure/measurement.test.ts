import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../../src/distil/random';
import { MemoryStore, statisticsOf, vectorsOf, within } from '../../../src/engine/measure/feature-store';
import { measureSets, type Reference } from '../../../src/engine/measure/measurement';
import { frechetDistance } from '../../../src/measure/frechet';
import { featureStatistics } from '../../../src/measure/moments';

const DIMS = 4;

/** Normal vectors around `mean`, in blocks of unlike sizes. */
async function store(seed: number, count: number, mean = 0, classes = 0) {
  const made = new MemoryStore(DIMS);
  const values = new RandomStream(seed, 'r1', 0).normals(count * DIMS).map((v) => v + mean);
  const logits = classes > 0 ? new RandomStream(seed, 'r1', 1).normals(count * classes) : null;
  for (let at = 0, size = 7; at < count; at += size, size = (size * 5) % 31 || 7)
    await made.append({
      features: values.subarray(at * DIMS, Math.min(count, at + size) * DIMS),
      logits: logits?.subarray(at * classes, Math.min(count, at + size) * classes) ?? null,
    });
  return { made, values };
}

async function reference(): Promise<Reference> {
  const { made } = await store(1, 400, 0, 5);
  const vectors = { store: made, from: 0, to: 250 };
  const statistics = await statisticsOf(vectors);
  return { statistics, vectors, heldOut: { store: made, from: 250, to: 400 }, words: '250 drawn' };
}

describe('a store', () => {
  it('gives any range of what was appended, block after block', async () => {
    const { made, values } = await store(2, 100);
    const { values: found } = await vectorsOf({ store: made, from: 13, to: 91 }, 60);
    expect(found).toEqual(values.slice(13 * DIMS, 73 * DIMS));
    let blocks = 0;
    for await (const { features } of within({ store: made, from: 13, to: 91 })) {
      blocks++;
      expect(features.length).toBeLessThan(35 * DIMS);
    }
    expect(blocks).toBeGreaterThan(2);
  });
});

describe('measuring', () => {
  it('one set of seeds: errors from its three thirds, floors from held-out images', async () => {
    const { made, values } = await store(3, 150, 0.5);
    const real = await reference();
    const found = await measureSets([{ store: made, from: 0, to: 150 }], real, ['fid', 'kid', 'pr']);
    const { fid, kid, precision, recall } = found.metrics;
    const distance = (from: number, to: number) =>
      frechetDistance(featureStatistics(values.subarray(from * DIMS, to * DIMS), DIMS), real.statistics);
    expect(fid!.value).toBeCloseTo(distance(0, 150), 10);
    const parts = [distance(0, 50), distance(50, 100), distance(100, 150)];
    const mean = (parts[0]! + parts[1]! + parts[2]!) / 3;
    expect(fid!.error).toBeCloseTo(Math.sqrt(parts.reduce((s, v) => s + (v - mean) ** 2, 0) / 6), 10);
    expect(fid!.floor).toBeLessThan(0.3 * fid!.value);
    expect(Math.abs(kid!.floor!)).toBeLessThan(0.3 * kid!.value);
    for (const share of [precision!, recall!]) {
      expect(share.floor).toBeGreaterThan(share.value);
      expect(share.error).toBeGreaterThanOrEqual(0);
    }
    expect(found.metrics.is).toBeUndefined();
    expect(found.shift).toBeGreaterThan(0.1);
  });

  it('three sets of seeds: the smallest distance, the mean, and how far they lie apart', async () => {
    const { made } = await store(4, 300, 0.2);
    const sets = [0, 100, 200].map((from) => ({ store: made, from, to: from + 100 }));
    const { fid, kid } = (await measureSets(sets, await reference(), ['fid', 'kid'])).metrics;
    expect(fid!.sets).toHaveLength(3);
    expect(fid!.value).toBe(Math.min(...fid!.sets!));
    expect(fid!.mean).toBeCloseTo(fid!.sets!.reduce((a, b) => a + b, 0) / 3, 12);
    expect(kid!.value).toBeCloseTo(kid!.sets!.reduce((a, b) => a + b, 0) / 3, 12);
    expect(fid!.error).toBeGreaterThan(0);
  });

  it('statistics alone: a distance without a floor, and nothing that needs vectors', async () => {
    const { made } = await store(5, 20);
    const real = { ...(await reference()), vectors: null, heldOut: null };
    const { metrics } = await measureSets([{ store: made, from: 0, to: 20 }], real, ['fid', 'kid', 'pr']);
    expect(Object.keys(metrics)).toEqual(['fid']);
    expect(metrics.fid).toMatchObject({ floor: null, error: null }); // a third of 20 says nothing
  });

  it('logits that were kept: the Inception score, real images beside it', async () => {
    const { made } = await store(6, 60, 0, 5);
    const { is } = (await measureSets([{ store: made, from: 0, to: 60 }], await reference(), ['is'])).metrics;
    expect(is!.value).toBeGreaterThan(1);
    expect(is!.value).toBeLessThan(5);
    expect(is!.floor).toBeGreaterThan(1);
    expect(is!.deviation).toBeGreaterThan(0);
  });

  it('stops where it is told to', async () => {
    const { made } = await store(7, 60);
    const stop = new Error('stopped');
    const breathe = () => Promise.reject(stop);
    await expect(
      measureSets([{ store: made, from: 0, to: 60 }], await reference(), ['kid'], { breathe }),
    ).rejects.toBe(stop);
  });
});
