import { addProducts } from './products';

/** Mean and covariance of feature vectors. */
export interface FeatureStatistics {
  mean: Float64Array;
  /** [dims, dims], row-major. */
  covariance: Float64Array;
  /** Vectors; null where a file does not say. */
  count: number | null;
}

/** Vectors that are multiplied together: the sums pass through memory once for all of them. */
const TOGETHER = 64;

/**
 * Sums of feature vectors and of their products, in float64: mean and covariance of any number of images in the memory
 * of one matrix, in the arithmetic of EDM's fid.py.
 */
export class Moments {
  private readonly sum: Float64Array;
  /** The lower triangle is filled. */
  private readonly products: Float64Array;
  private added = 0;

  constructor(readonly dims: number) {
    this.sum = new Float64Array(dims);
    this.products = new Float64Array(dims * dims);
  }

  get count(): number {
    return this.added;
  }

  /** Adds vectors [n, dims], row-major. */
  add(features: Float32Array): this {
    const { dims, sum, products } = this;
    const n = features.length / dims;
    const columns = new Float64Array(dims * Math.min(TOGETHER, n));
    for (let from = 0; from < n; from += TOGETHER) {
      const width = Math.min(TOGETHER, n - from);
      for (let r = 0; r < width; r++)
        for (let i = 0; i < dims; i++) {
          const value = features[(from + r) * dims + i]!;
          sum[i]! += value;
          columns[i * width + r] = value;
        }
      addProducts(products, columns, columns, { rowsA: dims, rowsB: dims, width, lower: true });
    }
    this.added += n;
    return this;
  }

  /** Mean and unbiased covariance of what was added. */
  statistics(): FeatureStatistics {
    const { dims, added: n } = this;
    const mean = this.sum.map((s) => s / n);
    const covariance = new Float64Array(dims * dims);
    for (let i = 0; i < dims; i++)
      for (let j = 0; j <= i; j++) {
        const value = (this.products[i * dims + j]! - n * mean[i]! * mean[j]!) / Math.max(1, n - 1);
        covariance[i * dims + j] = value;
        covariance[j * dims + i] = value;
      }
    return { mean, covariance, count: n };
  }
}

/** Mean and unbiased covariance of `features` [n, dims] row-major. */
export const featureStatistics = (features: Float32Array, dims: number): FeatureStatistics =>
  new Moments(dims).add(features).statistics();

/** Sum of the variances. */
export function totalVariance({ mean, covariance }: FeatureStatistics): number {
  let sum = 0;
  for (let i = 0; i < mean.length; i++) sum += covariance[i * mean.length + i]!;
  return sum;
}
