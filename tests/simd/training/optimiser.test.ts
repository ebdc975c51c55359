import { describe, expect, it } from 'vitest';
import { adam, squares, stepNumbers } from '../../../src/simd/calls/optimiser';
import { noise } from '../../plan/kernel-cases';
import { relativeError, runCalls } from './kernels';

/** Adam, averages and gradient norms against float64. */

const COUNT = 2 * 16384 + 20;

describe('Adam', () => {
  it.each([0, 0.9])(
    'three steps with beta1 %d, gradients that are not numbers, an average',
    async (beta1) => {
      const start = noise(COUNT, 1);
      const gradients = [2, 3, 4].map((seed) => noise(COUNT, seed));
      gradients[1]!.set([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e6]);
      const numbers = gradients.map((_, i) => ({
        rate: (2e-2 * (i + 1)) / (1 - beta1 ** (i + 1)),
        beta1,
        beta2: 0.99,
        correction: 1 / Math.sqrt(1 - 0.99 ** (i + 1)),
        eps: 1e-8,
        averageBeta: 0.5 + 0.1 * i,
      }));
      const [p, average] = [Float64Array.from(start), Float64Array.from(start)];
      const [m, v] = [new Float64Array(COUNT), new Float64Array(COUNT)];
      for (const [step, n] of numbers.entries())
        for (let i = 0; i < COUNT; i++) {
          const raw = gradients[step]![i]!;
          const g = Number.isNaN(raw) ? 0 : Number.isFinite(raw) ? raw : Math.sign(raw) * 1e5;
          m[i] = n.beta1 * m[i]! + (1 - n.beta1) * g;
          v[i] = n.beta2 * v[i]! + (1 - n.beta2) * g * g;
          p[i]! -= (n.rate * m[i]!) / (Math.sqrt(v[i]!) * n.correction + n.eps);
          average[i] = n.averageBeta * average[i]! + (1 - n.averageBeta) * p[i]!;
        }
      const { placed, read } = await runCalls((layout, list) => {
        const places = {
          parameters: layout.put(start),
          secondMoments: layout.put(new Float32Array(COUNT)),
          firstMoments: beta1 === 0 ? 0 : layout.put(new Float32Array(COUNT)),
          averages: layout.put(start),
        };
        for (const [i, n] of numbers.entries())
          adam(list, {
            ...places,
            count: COUNT,
            gradients: layout.put(gradients[i]!),
            numbers: layout.put(stepNumbers(n)),
          });
        return places;
      });
      const head = (values: ArrayLike<number>) => Array.from({ length: 4 }, (_, i) => values[i]!);
      const rest = <T extends Float32Array | Float64Array>(values: T) => values.subarray(4);
      for (const [at, expected] of [
        [placed.parameters, p],
        [placed.averages, average],
        [placed.secondMoments, v],
      ] as const) {
        const found = read(at, COUNT);
        expect(relativeError(rest(found), rest(expected))).toBeLessThan(1e-6);
        expect(relativeError(head(found), head(expected))).toBeLessThan(1e-6);
      }
    },
  );

  it('sums of squares', async () => {
    const values = noise(COUNT, 5);
    const { placed, read } = await runCalls((layout, list) => {
      const out = layout.room(2 * 8);
      return { out, count: squares(list, { source: layout.put(values), count: COUNT, out }) };
    });
    const parts = new Float64Array(read(placed.out, 2 * placed.count).buffer);
    const expected = values.reduce((sum, v) => sum + v * v, 0);
    expect(parts.reduce((a, b) => a + b, 0) / expected).toBeCloseTo(1, 6);
  });
});
