/** Of a non-empty list; the mean of the middle two where their number is even. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Largest absolute difference over the elements of the shorter; infinite when anything is not a number. */
export function maxAbsError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let max = 0;
  const count = Math.min(found.length, expected.length);
  for (let i = 0; i < count; i++) {
    const difference = Math.abs(found[i]! - expected[i]!);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    max = Math.max(max, difference);
  }
  return count === 0 ? Number.POSITIVE_INFINITY : max;
}
