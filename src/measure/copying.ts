/**
 * Share of real images that would be suspect. An image is suspect when it is nearer to a training image than all but half of
 * this share of real images are to another one, or as much nearer in relation to its next neighbours: a copy with noise on it
 * may be as far away as real images are from each other, and is still far nearer to its source than to anything else (the
 * measure of Carlini et al., Extracting Training Data from Diffusion Models, 2023).
 */
const SUSPECT_SHARE = 0.01;

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

/** `shares`: of the real images that are nearer, by distance and by ratio. */
export const isSuspect = (...shares: readonly number[]): boolean =>
  shares.some((share) => share < SUSPECT_SHARE / shares.length);

/** A nearest distance in relation to the mean of those that follow it, of ascending distances; 1 where there are no others. */
export function relativeDistance([nearest = 0, ...next]: readonly number[]): number {
  const mean = next.reduce((a, b) => a + b, 0) / next.length;
  return mean > 0 ? nearest / mean : 1;
}

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
