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

/**
 * At most `most` of some moments (ascending), spread as evenly as they allow: the first, the last and `best`, then each time
 * the one that is farthest from all that are chosen. Ascending.
 */
export function spreadMoments(moments: readonly number[], best: number | null, most: number): number[] {
  if (moments.length <= most) return [...moments];
  const chosen = new Set([moments[0]!, moments.at(-1)!, ...(best === null ? [] : [best])]);
  const room = (moment: number) => Math.min(...[...chosen].map((other) => Math.abs(other - moment)));
  while (chosen.size < most) chosen.add(moments.reduce((a, b) => (room(b) > room(a) ? b : a)));
  return [...chosen].sort((a, b) => a - b);
}
