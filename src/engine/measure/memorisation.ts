import { joined } from '../../lib/floats';
import { isCopying, isSuspect, quantile, relativeDistance } from '../../measure/copying';
import { type Vectors, vectorCount } from '../../measure/distances';
import { searchNearest } from './nearest-search';

export interface Neighbour {
  /** Its place among the searched vectors. */
  place: number;
  /** In the unit of the space. */
  distance: number;
}

export interface NearestFound {
  /** The nearest first. */
  near: Neighbour[];
  /** Share of the held-out real images that are nearer to a training image than this one is. */
  quantile: number;
  /** The nearest distance divided by the mean of the four that follow it. */
  ratio: number;
  /** Share of the held-out real images whose ratio is smaller. */
  ratioQuantile: number;
  /** What a search in pixels says of it, beside one in features. */
  inPixels: { near: Neighbour; quantile: number; ratioQuantile: number } | null;
  suspect: boolean;
}

/** What held-out real images have, ascending. */
export interface Yardstick {
  /** Distances to their nearest training image. */
  real: Float64Array;
  /** The same in relation to the next neighbours. */
  ratios: Float64Array;
}

/** Real images of the set itself, and their places in it. */
export interface HeldOut {
  vectors: Vectors;
  places: Int32Array;
}

export interface Memorisation extends Yardstick {
  images: NearestFound[];
  suspects: number;
  /** More suspects than chance makes. */
  copying: boolean;
}

/** Neighbours behind the nearest that its distance is set in relation to. */
const NEXT = 4;

/**
 * Looks for the training images that generated ones are copies of. Held-out real images are of the same set: each is searched
 * among all others, so that a copy of one of them is found too. `against`: those, or what an earlier search has found of them.
 */
export async function memorisation(
  generated: Vectors,
  against: HeldOut | Yardstick,
  set: AsyncIterable<Float32Array>,
  { k = 4, unit = 1, breathe }: { k?: number; unit?: number; breathe?: () => Promise<void> } = {},
): Promise<Memorisation> {
  const count = vectorCount(generated);
  const heldOut = 'places' in against ? against : null;
  const own = new Int32Array(count + (heldOut?.places.length ?? 0)).fill(-1);
  if (heldOut) own.set(heldOut.places, count);
  const wide = Math.max(k, 1 + NEXT);
  const queries = heldOut
    ? { ...generated, values: joined([generated.values, heldOut.vectors.values]) }
    : generated;
  const found = await searchNearest(queries, set, { k: wide, own, ...(breathe && { breathe }) });
  const neighbours = (row: number): Neighbour[] =>
    Array.from({ length: wide }, (_, i) => ({
      place: found.places[row * wide + i]!,
      distance: Math.sqrt(found.values[row * wide + i]!) * unit,
    })).filter(({ place }) => place >= 0);
  const { real, ratios } =
    'places' in against ? yardstick(Array.from(against.places, (_, i) => neighbours(count + i))) : against;
  const images = Array.from({ length: count }, (_, row): NearestFound => {
    const near = neighbours(row);
    const share = quantile(near[0]!.distance, real);
    const ratio = ratioOf(near);
    const ratioShare = quantile(ratio, ratios);
    return {
      near: near.slice(0, k),
      quantile: share,
      ratio,
      ratioQuantile: ratioShare,
      inPixels: null,
      suspect: isSuspect(share, ratioShare),
    };
  });
  const suspects = images.filter((image) => image.suspect).length;
  return { images, real, ratios, suspects, copying: isCopying(suspects, count) };
}

/**
 * A search in features with what one in pixels says of the same images. An image is as suspect as four shares together make it,
 * so that chance marks as many as before.
 */
export function inPixelsToo(found: Memorisation, inPixels: Memorisation): Memorisation {
  const images = found.images.map((image, i): NearestFound => {
    const { near, quantile: share, ratioQuantile } = inPixels.images[i]!;
    return {
      ...image,
      inPixels: { near: near[0]!, quantile: share, ratioQuantile },
      suspect: isSuspect(image.quantile, image.ratioQuantile, share, ratioQuantile),
    };
  });
  const suspects = images.filter((image) => image.suspect).length;
  return { ...found, images, suspects, copying: isCopying(suspects, images.length) };
}

const ratioOf = (near: readonly Neighbour[]): number =>
  relativeDistance(near.slice(0, 1 + NEXT).map(({ distance }) => distance));

const yardstick = (held: readonly Neighbour[][]): Yardstick => ({
  real: Float64Array.from(held, ([nearest]) => nearest!.distance).sort(),
  ratios: Float64Array.from(held, ratioOf).sort(),
});

/** Distances of pixels are root mean squares in levels of 0 to 255; those of features are Euclidean. */
export const pixelUnit = (dims: number): number => 127.5 / Math.sqrt(dims);
