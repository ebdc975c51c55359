import { type FeatureStatistics, featureStatistics, totalVariance } from './moments';
import { choleskyFactor, sandwich, symmetricEigenvalues } from './symmetric';

/** Factors of the references that distances were measured to: one of 2,048 features takes seconds. */
const factors = new WeakMap<FeatureStatistics, Float64Array>();

/**
 * Squared Fréchet distance of two Gaussians: |mu_a - mu_b|^2 + tr(A + B - 2 (A B)^(1/2)) (Heusel et al. 2017), in float64.
 * A B and L^T A L have the same eigenvalues where B = L L^T, and the latter is symmetric: the trace of the root is the sum of
 * their square roots. `b` is the reference: what was computed of it is kept for the next distance.
 */
export function frechetDistance(a: FeatureStatistics, b: FeatureStatistics): number {
  const n = b.mean.length;
  let factor = factors.get(b);
  if (!factor) {
    factor = choleskyFactor(b.covariance, n);
    factors.set(b, factor);
  }
  const cross = symmetricEigenvalues(sandwich(factor, a.covariance, n), n).reduce(
    (sum, e) => sum + Math.sqrt(Math.max(0, e)),
    0,
  );
  const means = a.mean.reduce((sum, m, i) => sum + (m - b.mean[i]!) ** 2, 0);
  return means + totalVariance(a) + totalVariance(b) - 2 * cross;
}

/** Total variance relative to real images': near 1 when varied, near 0 when all images have become one. */
export const featureSpread = (found: FeatureStatistics, real: FeatureStatistics): number =>
  totalVariance(found) / Math.max(totalVariance(real), 1e-12);

/**
 * Squared distance of the means relative to real images' total variance. Above 1, the average of the found images lies
 * further from that of the real ones than a real image does: a set of another kind, or images that are broken.
 */
export const featureShift = (found: FeatureStatistics, real: FeatureStatistics): number =>
  found.mean.reduce((sum, m, i) => sum + (m - real.mean[i]!) ** 2, 0) / Math.max(totalVariance(real), 1e-12);

export interface FrechetResult {
  value: number;
  /** Standard error over four disjoint splits; null for fewer than 32 images. */
  error: number | null;
  spread: number;
  /** See `featureShift`. */
  shift: number;
}

/** The Fréchet distance of feature vectors [count, dims] to those of real images, with its error and what else tells a collapse. */
export function compareToReal(features: Float32Array, dims: number, real: FeatureStatistics): FrechetResult {
  const n = features.length / dims;
  const all = featureStatistics(features, dims);
  return {
    value: frechetDistance(all, real),
    error: n >= 32 ? splitError(features, dims, real) : null,
    spread: featureSpread(all, real),
    shift: featureShift(all, real),
  };
}

function splitError(features: Float32Array, dims: number, real: FeatureStatistics, splits = 4): number {
  const n = features.length / dims;
  const values = Array.from({ length: splits }, (_, k) => {
    const [from, to] = [Math.floor((k * n) / splits), Math.floor(((k + 1) * n) / splits)];
    return frechetDistance(featureStatistics(features.subarray(from * dims, to * dims), dims), real);
  });
  return standardError(values);
}

/** Standard error of the mean of independent values. */
export function standardError(values: readonly number[]): number {
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  return Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1) / n);
}
