import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Vectors } from '../../src/measure/distances';
import { frechetDistance } from '../../src/measure/frechet';
import { InceptionScore } from '../../src/measure/inception-score';
import { kernelDistance } from '../../src/measure/kernel-distance';
import { featureStatistics, Moments } from '../../src/measure/moments';
import { asMany, precisionRecall } from '../../src/measure/precision-recall';
import { symmetricEigenvalues } from '../../src/measure/symmetric';
import { FIXTURES, readGolden } from '../support/fixtures';

/** Against numpy and scipy on the same vectors (tests/fixtures/make_measure.py). */
const golden = readGolden(join(FIXTURES, 'method/measure.golden.safetensors'));
const expected = JSON.parse(golden.metadata.get('numbers')!) as Record<string, number>;
const dims = golden.shape('real')[1]!;
const real: Vectors = { values: golden.float('real'), dims };
const generated: Vectors = { values: golden.float('generated'), dims };
const head = ({ values }: Vectors, count: number) =>
  featureStatistics(values.subarray(0, count * dims), dims);

describe('the Fréchet distance', () => {
  it("is that of EDM's fid.py", () => {
    const found = frechetDistance(head(generated, 300), head(real, 300));
    expect(found).toBeCloseTo(expected.fid!, 9);
    expect(found).toBeGreaterThan(1);
  });

  it('also of fewer images than features, on one side and on both', () => {
    // A root of what is zero but for rounding: scipy's own is good to 1e-6 here.
    expect(frechetDistance(head(generated, 13), head(real, 300))).toBeCloseTo(expected.fid_few!, 5);
    expect(frechetDistance(head(generated, 13), head(real, 17))).toBeCloseTo(expected.fid_both_few!, 5);
  });

  it('of a set to itself is nothing', () => {
    expect(frechetDistance(head(real, 300), head(real, 300))).toBeCloseTo(0, 9);
  });

  it('does not depend on the pieces in which images come', () => {
    const moments = new Moments(dims);
    for (let at = 0, size = 1; at < 300; at += size, size = (size * 7) % 90)
      moments.add(generated.values.subarray(at * dims, Math.min(300, at + size) * dims));
    expect(moments.count).toBe(300);
    const pieces = moments.statistics();
    const whole = head(generated, 300);
    for (const [i, value] of whole.covariance.entries()) expect(pieces.covariance[i]).toBeCloseTo(value, 10);
  });
});

it('eigenvalues of a matrix that is known', () => {
  // 2 on the diagonal and -1 beside it: 2 - 2 cos(pi k / (n + 1)).
  const n = 40;
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    a[i * n + i] = 2;
    if (i > 0) a[i * n + i - 1] = -1;
  }
  const found = [...symmetricEigenvalues(a, n)].sort((x, y) => x - y);
  for (let k = 1; k <= n; k++)
    expect(found[k - 1]).toBeCloseTo(2 - 2 * Math.cos((Math.PI * k) / (n + 1)), 12);
});

describe('the kernel distance', () => {
  it('of whole sets is the unbiased estimate', async () => {
    const found = await kernelDistance(real, generated);
    expect(found.value).toBeCloseTo(expected.kid!, 10);
    expect(found).toMatchObject({ subsets: 1, subsetSize: 300 });
  });

  it('of subsets is near it, the same each time, and says how far they lie apart', async () => {
    const options = { subsets: 40, subsetSize: 100 };
    const found = await kernelDistance(real, generated, options);
    expect(found).toEqual(await kernelDistance(real, generated, options));
    expect(found.deviation).toBeGreaterThan(0);
    expect(Math.abs(found.value - expected.kid!)).toBeLessThan(0.3 * expected.kid!);
    expect((await kernelDistance(real, generated, { ...options, seed: 1 })).value).not.toBe(found.value);
  });
});

describe('precision and recall', () => {
  it('are the shares within the third neighbour', async () => {
    const found = await precisionRecall(real, generated);
    expect(found).toEqual({ precision: expected.precision, recall: expected.recall });
    expect(found.precision).toBeGreaterThan(0.1);
    expect(found.recall).toBeLessThan(0.9);
  });

  it('are the same where one set is larger than a block of pairs', async () => {
    // Far away copies change nothing but the places.
    const far = new Float32Array(700 * dims).map((_, i) => 1e3 + ((i * 7919) % 1009));
    const [more, as] = asMany({ values: far, dims }, { values: far, dims }, 650);
    expect(await precisionRecall(more, as)).toEqual({ precision: 1, recall: 1 });
    expect(more.values.length).toBe(650 * dims);
  });
});

it('the Inception score of ten parts, fed in pieces', () => {
  const logits = golden.float('logits');
  const classes = golden.shape('logits')[1]!;
  const score = new InceptionScore(200, classes);
  score.add(logits.subarray(0, 33 * classes));
  score.add(logits.subarray(33 * classes));
  const { value, deviation, splits } = score.result();
  expect(splits).toBe(10);
  expect(value).toBeCloseTo(expected.is!, 10);
  expect(deviation).toBeCloseTo(expected.is_deviation!, 10);
});
