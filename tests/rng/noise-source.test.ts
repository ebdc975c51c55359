import { describe, expect, test } from 'vitest';
import type { NoiseSource, Stroke } from '../../src/lib/noise-source';
import { coverage, sourceNoise } from '../../src/rng/noise-source';
import { seedNoise, slerp } from '../../src/rng/seeds';

const SHAPE = { channels: 3, resolution: 16 };
const SIZE = 3 * 16 * 16;
const seed = (value: number): NoiseSource => ({ kind: 'seed', seed: value });

describe('where the noise of an image comes from', () => {
  test('a seed, a latent of that size, and the great circle between two', () => {
    expect(sourceNoise(seed(7), SHAPE)).toEqual(seedNoise(7, SIZE));
    const values = new Float32Array(SIZE).fill(0.5);
    expect(sourceNoise({ kind: 'latent', values }, SHAPE)).toEqual(values);
    const between = sourceNoise({ kind: 'between', from: seed(3), to: seed(9), at: 0.25 }, SHAPE);
    expect(between).toEqual(slerp(seedNoise(3, SIZE), seedNoise(9, SIZE), 0.25));
  });

  test('a latent of another size says what was expected and found', () => {
    const source: NoiseSource = { kind: 'latent', values: new Float32Array(64) };
    expect(() => sourceNoise(source, SHAPE)).toThrow(
      expect.objectContaining({
        code: 'mismatch',
        detail: expect.objectContaining({ expected: '768 values [3, 16, 16]', found: '64 values' }),
      }),
    );
  });
});

describe('painting', () => {
  const stroke: Stroke = { seed: 99, radius: 4, strength: 1, points: [4, 8, 11, 8] };
  const painted = (strokes: Stroke[]) => sourceNoise({ kind: 'painted', under: seed(7), strokes }, SHAPE);

  test('under the middle of the brush is the other noise, away from it the old one, all channels alike', () => {
    const noise = painted([stroke]);
    const [old, other] = [seedNoise(7, SIZE), seedNoise(99, SIZE)];
    for (let c = 0; c < 3; c++) {
      const at = (x: number, y: number) => c * 256 + y * 16 + x;
      expect(noise[at(7, 8)]).toBeCloseTo(other[at(7, 8)]!, 6);
      expect(noise[at(7, 13)]).toBe(old[at(7, 13)]);
      // At three quarters of the radius half of the brush: an eighth of a turn.
      expect(noise[at(7, 11)]).toBeCloseTo(Math.SQRT1_2 * (old[at(7, 11)]! + other[at(7, 11)]!), 6);
    }
    expect(seedNoise(7, SIZE)).toEqual(old); // what was painted on is as it was
  });

  test('keeps unit variance, however often and however strongly', () => {
    const shape = { channels: 3, resolution: 64 };
    const strokes = [0.3, 0.7, 1].map((strength, i) => ({
      seed: 50 + i,
      radius: 30,
      strength,
      points: [10, 20 * i, 60, 60],
    }));
    const noise = sourceNoise({ kind: 'painted', under: seed(1), strokes }, shape);
    const mean = noise.reduce((sum, z) => sum + z, 0) / noise.length;
    const variance = noise.reduce((sum, z) => sum + (z - mean) ** 2, 0) / noise.length;
    // 12288 values: the variance of normal noise is off by more than 0.05 once in ten thousand.
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
    expect(Math.abs(mean)).toBeLessThan(0.04);
  });

  test('a brush at the edge stays inside, and a single touch is a disc', () => {
    const cover = coverage({ seed: 0, radius: 3, strength: 1, points: [0, 0] }, 16);
    expect([cover[0], cover[1], cover[3], cover[16 * 2]]).toEqual([1, 1, 0, expect.closeTo(2 / 3, 5)]);
    expect(cover.filter((v) => v > 0).length).toBeLessThan(10);
  });
});
