/**
 * Mixed classes. A conditional network takes a class as a vector; published scripts give it a one-hot one, and any
 * weights that sum to one are a point between classes.
 */

/** A class and its weight in an image's class vector. */
export interface ClassShare {
  index: number;
  /** Above 0, at most 1. */
  weight: number;
}

/** The classes beside an image's own, which has the rest of the weight. Empty = its own alone. */
export type ClassMix = readonly ClassShare[];

/** Weights are kept to so many decimals: what a slider or a field can mean. */
const DECIMALS = 1e4;

const tidy = (weight: number) => Math.round(weight * DECIMALS) / DECIMALS;

/** What is left for the image's own class; never below 0. */
export const ownWeight = (mix: ClassMix): number =>
  Math.max(0, tidy(1 - mix.reduce((sum, { weight }) => sum + weight, 0)));

/**
 * All shares of an image, its own class first, without those that weigh nothing. A class that comes twice is added up.
 */
export function sharesOf(own: number, mix: ClassMix): ClassShare[] {
  const weights = new Map([[own, ownWeight(mix)]]);
  for (const { index, weight } of mix) weights.set(index, tidy((weights.get(index) ?? 0) + weight));
  return [...weights].filter(([, weight]) => weight > 0).map(([index, weight]) => ({ index, weight }));
}

/**
 * An image's own class and what is mixed with it, of shares with any positive weights: they are divided by their sum. The
 * first is its own class; null where that is the one that its seed draws.
 */
export function mixOf(
  own: { index: number | null; weight: number },
  others: readonly ClassShare[],
): { own: number | null; mix: ClassMix } {
  const sum = others.reduce((total, { weight }) => total + weight, own.weight);
  return {
    own: own.index,
    mix: others.map(({ index, weight }) => ({ index, weight: tidy(weight / sum) })),
  };
}

/** The mix with another weight of one class, 0 to take it out. Together the others never weigh more than 1. */
export function withShare(mix: ClassMix, index: number, weight: number): ClassMix {
  const rest = mix.filter((share) => share.index !== index);
  const room = ownWeight(rest);
  const share = { index, weight: Math.min(tidy(weight), room) };
  const at = mix.findIndex((s) => s.index === index);
  const next = [...rest];
  if (share.weight > 0) next.splice(at < 0 ? next.length : at, 0, share);
  return next;
}

/** "4:0.35,7:0.2"; `between` stands between the shares. */
export const formatMix = (mix: ClassMix, between = ','): string =>
  mix.map(({ index, weight }) => `${index}:${weight}`).join(between);

/** The mix that `formatMix` wrote; null where the text is none, or weighs more than 1. */
export function readMix(text: string, between = ','): ClassMix | null {
  const shares: ClassShare[] = [];
  for (const part of text.split(between)) {
    const [, index, weight] = /^(\d{1,6}):(\d*\.?\d+)$/.exec(part.trim()) ?? [];
    if (index === undefined || weight === undefined) return null;
    shares.push({ index: Number(index), weight: tidy(Number(weight)) });
  }
  const sum = tidy(shares.reduce((total, { weight }) => total + weight, 0));
  const twice = new Set(shares.map(({ index }) => index)).size < shares.length;
  return twice || sum > 1 || shares.some(({ weight }) => weight <= 0) ? null : shares;
}

/** The classes of a mix that a network with `labelDim` of them has. */
export const mixWithin = (mix: ClassMix, labelDim: number): ClassMix =>
  mix.every(({ index }) => index < labelDim) ? mix : mix.filter(({ index }) => index < labelDim);
