import { describe, expect, it } from 'vitest';
import { boxMuller, logUniform, sinUniform } from '../../src/rng/box-muller';
import { parseSeeds } from '../../src/rng/parse-seeds';
import { philox4x32 } from '../../src/rng/philox';
import { seedClass, seedNoise } from '../../src/rng/seeds';

describe('philox4x32-10', () => {
  it('gives the known answers of the Random123 distribution', () => {
    const hex = (w: number[]) => w.map((v) => v.toString(16).padStart(8, '0')).join(' ');
    expect(hex(philox4x32([0, 0, 0, 0], [0, 0], [0, 0, 0, 0]))).toBe('6627e8d5 e169c58d bc57ac4c 9b00dbd8');
    const f = 0xffffffff;
    expect(hex(philox4x32([f, f, f, f], [f, f], [0, 0, 0, 0]))).toBe('408f276d 41c83b0e a20bc7c6 6d5451fd');
    expect(
      hex(
        philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], [0, 0, 0, 0]),
      ),
    ).toBe('d16cfe09 94fdcceb 5001e420 24126ea1');
  });
});

describe('seed noise', () => {
  it('begins with the values of torch.randn on CUDA, seed 0', () => {
    const expected = [
      -0.92466259, -0.42534415, -2.6438457, 0.14518388, -0.12086647, -0.57972564, -0.62285122, -0.32838709,
      -1.07454231, -0.36314407, -1.67105067, 2.26550497,
    ];
    const noise = seedNoise(0, 3072);
    for (const [i, e] of expected.entries()) expect(Math.abs(noise[i]! - e)).toBeLessThan(2e-7);
  });

  it('log and sine agree with Math to the last bits', () => {
    for (let i = 0; i < 20000; i++) {
      const g =
        i < 20 ? [0, 1, 2, 0xffffffff, 0x80000000, 0x7fffffff][i % 6]! : Math.floor(Math.random() * 2 ** 32);
      const u = (g + 0.5) * 2 ** -32;
      expect(Math.abs(logUniform(g) - Math.log(u))).toBeLessThan(4e-15);
      expect(Math.abs(sinUniform(g) - Math.sin(2 * Math.PI * u))).toBeLessThan(1e-15);
    }
    expect(boxMuller(0, 0)).toBeGreaterThan(0);
  });

  it('is standard normal', () => {
    const noise = seedNoise(12345, 60000);
    let mean = 0;
    for (const v of noise) mean += v / noise.length;
    let variance = 0;
    let fourth = 0;
    for (const v of noise) {
      variance += (v - mean) ** 2 / noise.length;
      fourth += (v - mean) ** 4 / noise.length;
    }
    expect(Math.abs(mean)).toBeLessThan(0.02);
    expect(Math.abs(variance - 1)).toBeLessThan(0.03);
    expect(Math.abs(fourth / variance ** 2 - 3)).toBeLessThan(0.15);
  });

  it('a fraction moves continuously between its neighbours and keeps the norm', () => {
    const norm = (v: Float32Array) => Math.hypot(...v);
    const [a, mid, b] = [3, 3.5, 4].map((s) => seedNoise(s, 3072));
    expect(seedNoise(3 + 1e-9, 3072).every((v, i) => Math.abs(v - a![i]!) < 1e-6)).toBe(true);
    expect(seedNoise(4 - 1e-9, 3072).every((v, i) => Math.abs(v - b![i]!) < 1e-6)).toBe(true);
    expect(norm(mid!) / ((norm(a!) + norm(b!)) / 2)).toBeCloseTo(1, 2);
  });

  it('draws the class after the noise', () => {
    expect(seedClass(0, 10)).toBe(philox4x32([1, 0, 0, 0], [0, 0], [0, 0, 0, 0])[0] % 10);
    expect(new Set(Array.from({ length: 200 }, (_, s) => seedClass(s, 10))).size).toBe(10);
  });

  it('refuses what is not a seed', () => {
    for (const bad of [-1, Number.NaN, 2 ** 32, Number.POSITIVE_INFINITY])
      expect(() => seedNoise(bad, 4)).toThrow('not a seed');
  });
});

describe('parseSeeds', () => {
  it('reads lists and ranges', () => {
    expect(parseSeeds('0-3,20, 3.5')).toEqual([0, 1, 2, 3, 20, 3.5]);
  });
  it.each(['', 'a', '3-1', '1,,2', '-1', '0-99999999', '5000000000'])('refuses %j', (text) => {
    expect(() => parseSeeds(text)).toThrow();
  });
});
