/** When a run measures itself, and on how much: for the run, for what it is said to cost, and for what is left of it. */

/** Before the first regular distance, at these shares of the interval: a curve from the first minute on. */
const EARLY = [1 / 8, 1 / 4, 1 / 2];

/** Distances that fall due after `before` images and up to `now`; `images` is the end, which has one too. */
export function distancesDue(before: number, now: number, every: number, images: number): number {
  const end = now >= images && before < images ? 1 : 0;
  if (!(every > 0)) return end;
  const last = Math.min(now, images);
  const early = EARLY.filter((share) => before < share * every && share * every <= last).length;
  const regular = Math.max(0, Math.floor(last / every) - Math.floor(before / every));
  return early + regular + (end && images % every !== 0 ? 1 : 0);
}

/** Samplings of fixed seeds after step `from`, up to step `to`. */
export const samplingsDue = (from: number, to: number, every: number): number =>
  Math.max(0, Math.floor(to / every) - Math.floor(from / every));

/** Real images that the distances of `count` generated ones refer to, at most. */
export const referenceImages = (count: number): number => Math.min(2000, Math.max(500, 4 * count));
