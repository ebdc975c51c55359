import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/** Mean and covariance of feature vectors. */
export interface FeatureStatistics {
  mean: Float64Array;
  covariance: Matrix;
  count: number;
}

/** Mean and unbiased covariance of `features` [n, dims] row-major. */
export function featureStatistics(features: Float32Array, dims: number): FeatureStatistics {
  const n = features.length / dims;
  const mean = new Float64Array(dims);
  for (let i = 0; i < features.length; i++) mean[i % dims]! += features[i]! / n;
  const centred = Matrix.zeros(n, dims);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < dims; j++) centred.set(i, j, features[i * dims + j]! - mean[j]!);
  const covariance = centred
    .transpose()
    .mmul(centred)
    .div(Math.max(1, n - 1));
  return { mean, covariance, count: n };
}

/**
 * Squared Fréchet distance of two Gaussians: |mu_a - mu_b|^2 + tr(A + B - 2 (A B)^(1/2)) (Heusel et al. 2017). The
 * root goes through symmetric matrices only: tr((A B)^(1/2)) = tr((A^(1/2) B A^(1/2))^(1/2)).
 */
export function frechetDistance(a: FeatureStatistics, b: FeatureStatistics): number {
  const { eigenvectorMatrix: v, realEigenvalues } = new EigenvalueDecomposition(a.covariance, {
    assumeSymmetric: true,
  });
  const root = v.mmul(Matrix.diag(realEigenvalues.map((e) => Math.sqrt(Math.max(0, e))))).mmul(v.transpose());
  const middle = root.mmul(b.covariance).mmul(root);
  const symmetric = middle.add(middle.transpose()).div(2);
  const cross = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true }).realEigenvalues.reduce(
    (sum, e) => sum + Math.sqrt(Math.max(0, e)),
    0,
  );
  let distance = a.covariance.trace() + b.covariance.trace() - 2 * cross;
  for (let i = 0; i < a.mean.length; i++) distance += (a.mean[i]! - b.mean[i]!) ** 2;
  return distance;
}

/** Total variance relative to real images': near 1 when varied, near 0 when all images have become one. */
export const featureSpread = (found: FeatureStatistics, real: FeatureStatistics): number =>
  found.covariance.trace() / Math.max(real.covariance.trace(), 1e-12);

/**
 * Squared distance of the means relative to real images' total variance. Above 1, the average of the found images lies
 * further from that of the real ones than a real image does: a set of another kind, or images that are broken.
 */
export const featureShift = (found: FeatureStatistics, real: FeatureStatistics): number =>
  found.mean.reduce((sum, m, i) => sum + (m - real.mean[i]!) ** 2, 0) /
  Math.max(real.covariance.trace(), 1e-12);

export interface FrechetResult {
  value: number;
  /** Standard error over four disjoint splits; null for fewer than 32 images. */
  error: number | null;
  spread: number;
  /** See `featureShift`. */
  shift: number;
}

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
  const mean = values.reduce((a, b) => a + b, 0) / splits;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (splits - 1);
  return Math.sqrt(variance / splits);
}
