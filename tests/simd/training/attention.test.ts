import { describe, expect, it } from 'vitest';
import * as calls from '../../../src/simd/calls/attention';
import { attentionTangent } from '../../../src/simd/calls/attention-tangent';
import { noise } from '../../plan/kernel-cases';
import { relativeError, runCalls } from './kernels';

/** Attention, its gradient and how it moves, against float64. */

/** Of q, k, v [N, pixels, 3C], all q first: the result [N, pixels, C], and the gradient of sum(result dy). */
function definition(
  qkv: ArrayLike<number>,
  dy: Float32Array,
  images: number,
  pixels: number,
  channels: number,
  heads: number,
) {
  const width = channels / heads;
  const scale = 1 / Math.sqrt(width);
  const y = new Float64Array(dy.length);
  const gradient = new Float64Array(qkv.length);
  for (let n = 0; n < images; n++)
    for (let h = 0; h < heads; h++) {
      const at = (part: number, p: number, c: number) =>
        (n * pixels + p) * 3 * channels + part * channels + h * width + c;
      const out = (p: number, c: number) => (n * pixels + p) * channels + h * width + c;
      for (let i = 0; i < pixels; i++) {
        const scores = Array.from({ length: pixels }, (_, j) => {
          let sum = 0;
          for (let c = 0; c < width; c++) sum += qkv[at(0, i, c)]! * qkv[at(1, j, c)]! * scale;
          return sum;
        });
        const most = Math.max(...scores);
        const e = scores.map((s) => Math.exp(s - most));
        const total = e.reduce((a, b) => a + b, 0);
        const mix = e.map((v) => v / total);
        const slopes = mix.map((a, j) => {
          let sum = 0;
          for (let c = 0; c < width; c++) {
            y[out(i, c)]! += a * qkv[at(2, j, c)]!;
            gradient[at(2, j, c)]! += a * dy[out(i, c)]!;
            sum += dy[out(i, c)]! * qkv[at(2, j, c)]!;
          }
          return sum;
        });
        const mean = mix.reduce((sum, a, j) => sum + a * slopes[j]!, 0);
        for (const [j, a] of mix.entries()) {
          const ds = a * (slopes[j]! - mean) * scale;
          for (let c = 0; c < width; c++) {
            gradient[at(0, i, c)]! += ds * qkv[at(1, j, c)]!;
            gradient[at(1, j, c)]! += ds * qkv[at(0, i, c)]!;
          }
        }
      }
    }
  return { y, gradient };
}

describe('attention', () => {
  it.each([
    [2, 1, 1, 8, 1],
    [2, 5, 7, 20, 1],
    [3, 8, 8, 64, 1],
    [1, 9, 11, 24, 2],
    [2, 8, 8, 128, 2], // heads of 64
  ])('%d images of %d x %d, %d channels, %d heads', async (images, height, width, channels, heads) => {
    const pixels = height * width;
    const qkv = noise(images * pixels * 3 * channels, 1).map((v) => 2 * v);
    const dy = noise(images * pixels * channels, 2);
    const along = noise(qkv.length, 3);
    const expected = definition(qkv, dy, images, pixels, channels, heads);
    const at = (step: number) =>
      definition(
        Float64Array.from(qkv, (v, i) => v + step * along[i]!),
        dy,
        images,
        pixels,
        channels,
        heads,
      ).y;
    const [above, below] = [at(1e-5), at(-1e-5)];
    const moved = above.map((v, i) => (v - below[i]!) / 2e-5);
    const { placed, read } = await runCalls((layout, list) => {
      const source = layout.put(qkv);
      const out = layout.map(images, height, width, channels);
      calls.attention(list, { qkv: source, heads, keys: layout.room(calls.keyValues(out)), out });
      const gradient = layout.room(qkv.length);
      const incoming = layout.map(images, height, width, channels, dy);
      calls.attentionGradient(list, { qkv: source, heads, dy: incoming, out: gradient });
      const tangent = layout.map(images, height, width, channels);
      attentionTangent(list, { qkv: source, heads, along: layout.put(along), out: tangent });
      return { y: out.at, gradient, tangent: tangent.at };
    });
    expect(relativeError(read(placed.y, dy.length), expected.y)).toBeLessThan(2e-6);
    expect(relativeError(read(placed.gradient, qkv.length), expected.gradient)).toBeLessThan(3e-6);
    expect(relativeError(read(placed.tangent, dy.length), moved)).toBeLessThan(3e-6);
  });
});
