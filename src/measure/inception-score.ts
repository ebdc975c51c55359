/** Parts of which the published score is the mean. */
export const SPLITS = 10;

interface Split {
  count: number;
  /** Sums over images of p(class | image), and of p log p over classes. */
  probabilities: Float64Array;
  entropies: number;
}

/**
 * Inception score (Salimans et al. 2016): exp of the mean divergence of p(class | image) from p(class), the mean over ten
 * consecutive parts of the images, in float64. Only sums are kept.
 */
export class InceptionScore {
  private readonly splits: Split[];
  private added = 0;

  constructor(
    /** Images that will be added. */
    private readonly total: number,
    private readonly classes: number,
  ) {
    this.splits = Array.from({ length: Math.min(SPLITS, total) }, () => ({
      count: 0,
      probabilities: new Float64Array(classes),
      entropies: 0,
    }));
  }

  /** Adds logits [n, classes], row-major, of the images that come next. */
  add(logits: Float32Array): void {
    const { classes, splits, total } = this;
    const p = new Float64Array(classes);
    for (let at = 0; at < logits.length; at += classes, this.added++) {
      const split = splits[Math.floor(((this.added + 0.5) * splits.length) / total)]!;
      let largest = Number.NEGATIVE_INFINITY;
      for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[at + c]!);
      let sum = 0;
      for (let c = 0; c < classes; c++) {
        p[c] = Math.exp(logits[at + c]! - largest);
        sum += p[c]!;
      }
      const shift = largest + Math.log(sum);
      for (let c = 0; c < classes; c++) {
        const probability = p[c]! / sum;
        split.probabilities[c]! += probability;
        split.entropies += probability * (logits[at + c]! - shift);
      }
      split.count++;
    }
  }

  /** Mean of the parts' scores and their standard deviation, which is what papers print behind a plus-minus. */
  result(): { value: number; deviation: number; splits: number } {
    const scores = this.splits.map(({ count, probabilities, entropies }) => {
      let marginal = 0;
      for (const sum of probabilities) if (sum > 0) marginal += sum * Math.log(sum / count);
      return Math.exp((entropies - marginal) / count);
    });
    const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
    const deviation = Math.sqrt(scores.reduce((s, v) => s + (v - mean) ** 2, 0) / scores.length);
    return { value: mean, deviation, splits: scores.length };
  }
}
