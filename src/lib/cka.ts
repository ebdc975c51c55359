/**
 * Linear centred kernel alignment, debiased: how alike two sets of activations of the same examples are, whatever
 * rotation and scale lie between them. 1 = the same, about 0 = unrelated.
 *
 * Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited"; the unbiased HSIC of Song et al.
 * 2012, summed over minibatches as in Nguyen, Raghu, Kornblith 2021, "Do Wide and Deep Networks Learn the Same
 * Things?". The plain estimator tends to 1 when there are more features than examples, as here.
 */

type Gram = ArrayLike<number>;

/** Unbiased HSIC of two Gram matrices [n, n] (inner products of the examples); n >= 4. */
export function unbiasedHsic(k: Gram, l: Gram, n: number): number {
  if (n < 4) throw new RangeError('HSIC needs four examples or more');
  let trace = 0;
  let cross = 0;
  let sumK = 0;
  let sumL = 0;
  for (let i = 0; i < n; i++) {
    let rowK = 0;
    let rowL = 0;
    for (let j = 0; j < n; j++) {
      if (i === j) continue; // the diagonals count as zero
      const a = k[i * n + j]!;
      const b = l[i * n + j]!;
      trace += a * b;
      rowK += a;
      rowL += b;
    }
    cross += rowK * rowL;
    sumK += rowK;
    sumL += rowL;
  }
  return (trace + (sumK * sumL) / ((n - 1) * (n - 2)) - (2 / (n - 2)) * cross) / (n * (n - 3));
}

/** Gathers minibatches of two representations and gives their alignment. */
export class Alignment {
  private xy = 0;
  private xx = 0;
  private yy = 0;

  /** Gram matrices [n, n] of the same n examples. */
  add(x: Gram, y: Gram, n: number): void {
    this.xy += unbiasedHsic(x, y, n);
    this.xx += unbiasedHsic(x, x, n);
    this.yy += unbiasedHsic(y, y, n);
  }

  /** null where one of the two does not vary between examples. */
  get value(): number | null {
    const norm = this.xx * this.yy;
    return this.xx > 0 && this.yy > 0 && norm > 0 ? this.xy / Math.sqrt(norm) : null;
  }
}
