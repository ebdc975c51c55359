/** An image is suspect when it is nearer to a training image than all but this share of real images are to another one. */
export const SUSPECT_SHARE = 0.01;

/** Chance below which so many suspects are a sign of copying. */
const CHANCE = 0.001;

/** Share of the real images whose nearest training image is nearer than `distance`. `sorted`: their distances, ascending. */
export function quantile(distance: number, sorted: ArrayLike<number>): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < distance) low = middle + 1;
    else high = middle;
  }
  return low / sorted.length;
}

export const isSuspect = (share: number): boolean => share < SUSPECT_SHARE;

/** Whether `suspects` of `count` images are more than chance would make of images that are as far as real ones. */
export function isCopying(suspects: number, count: number): boolean {
  if (suspects === 0) return false;
  // The binomial distribution's tail, from its head: what is left over.
  let term = (1 - SUSPECT_SHARE) ** count;
  let below = 0;
  for (let i = 0; i < suspects; i++) {
    below += term;
    term *= ((count - i) / (i + 1)) * (SUSPECT_SHARE / (1 - SUSPECT_SHARE));
  }
  return 1 - below < CHANCE;
}
