import type { ClassMix } from './class-mix';

/** The classes of a network, as far as they are known. */
export interface ClassList {
  /** 0 = unconditional. */
  labelDim: number;
  /** Null where nobody lists them. */
  classes: readonly string[] | null;
}

/** The class of a network's images among several networks that get the same one. */
export interface SharedClass {
  /** Index in the network's own list; null = each image has the class of its seed, or the network has none. */
  index: number | null;
  /** The chosen class does not exist here. */
  missing: boolean;
}

/**
 * The class `chosen` of the network `of`, in another network: of the same name where both have names, else of the same
 * index.
 */
export function classIn(network: ClassList, chosen: number | null, of: ClassList): SharedClass {
  if (chosen === null) return { index: null, missing: false };
  if (network.labelDim === 0) return { index: null, missing: true };
  const name = of.classes?.[chosen]?.toLowerCase();
  const isIt = (other: string | undefined) => other?.toLowerCase() === name;
  // In a list of the same names it is the same index: two classes of ImageNet are called crane.
  const index =
    name !== undefined && network.classes && !isIt(network.classes[chosen])
      ? network.classes.findIndex(isIt)
      : chosen;
  const exists = index >= 0 && index < network.labelDim;
  return { index: exists ? index : null, missing: !exists };
}

/** What is mixed with an image's class in the network `of`, in another network: without classes that it lacks. */
export function mixIn(network: ClassList, mix: ClassMix, of: ClassList): { mix: ClassMix; missing: boolean } {
  const shares = mix.map(({ index, weight }) => ({ ...classIn(network, index, of), weight }));
  return {
    mix: shares.flatMap(({ index, weight }) => (index === null ? [] : [{ index, weight }])),
    missing: shares.some(({ missing }) => missing),
  };
}

/** The network whose classes are chosen from: the first that has any. */
export const classSource = <T extends ClassList>(networks: readonly T[]): T | null =>
  networks.find(({ labelDim }) => labelDim > 0) ?? null;
