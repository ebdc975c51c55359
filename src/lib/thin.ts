/**
 * Index of the value whose loss leaves the rest most evenly spread: the one with the closest neighbours. `values`
 * ascend; the first and the last are never named. -1 where nothing is between them.
 */
export function leastMissed(values: readonly number[]): number {
  let drop = -1;
  let closest = Number.POSITIVE_INFINITY;
  for (let i = 1; i < values.length - 1; i++) {
    const gap = values[i + 1]! - values[i - 1]!;
    if (gap < closest) {
      closest = gap;
      drop = i;
    }
  }
  return drop;
}
