import { isCopying, isSuspect, quantile, relativeDistance } from '../../measure/copying';
import type { Vectors } from '../../measure/distances';
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
  suspect: boolean;
}

export interface Memorisation {
  images: NearestFound[];
  /** Ascending distances of held-out real images to their nearest training image. */
  real: Float64Array;
  suspects: number;
  /** More suspects than chance makes. */
  copying: boolean;
}

/** Neighbours behind the nearest that its distance is set in relation to. */
const NEXT = 4;

/**
 * Looks for the training images that generated ones are copies of. Held-out real images are of the same set: each is searched
 * among all others, so that a copy of one of them is found too.
 */
export async function memorisation(
  generated: Vectors,
  heldOut: { vectors: Vectors; places: Int32Array },
  set: AsyncIterable<Float32Array>,
  { k = 4, unit = 1, breathe }: { k?: number; unit?: number; breathe?: () => Promise<void> } = {},
): Promise<Memorisation> {
  const { dims } = generated;
  const count = generated.values.length / dims;
  const all = new Float32Array(generated.values.length + heldOut.vectors.values.length);
  all.set(generated.values);
  all.set(heldOut.vectors.values, generated.values.length);
  const own = new Int32Array(count + heldOut.places.length).fill(-1);
  own.set(heldOut.places, count);
  const wide = Math.max(k, 1 + NEXT);
  const found = await searchNearest({ values: all, dims }, set, {
    k: wide,
    own,
    ...(breathe && { breathe }),
  });
  const neighbours = (row: number): Neighbour[] =>
    Array.from({ length: wide }, (_, i) => ({
      place: found.places[row * wide + i]!,
      distance: Math.sqrt(found.values[row * wide + i]!) * unit,
    })).filter(({ place }) => place >= 0);
  const ratioOf = (near: readonly Neighbour[]) =>
    relativeDistance(near.slice(0, 1 + NEXT).map(({ distance }) => distance));
  const held = Array.from(heldOut.places, (_, i) => neighbours(count + i));
  const real = Float64Array.from(held, ([nearest]) => nearest!.distance).sort();
  const ratios = Float64Array.from(held, ratioOf).sort();
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
      suspect: isSuspect(share, ratioShare),
    };
  });
  const suspects = images.filter((image) => image.suspect).length;
  return { images, real, suspects, copying: isCopying(suspects, count) };
}

/** Distances of pixels are root mean squares in levels of 0 to 255; those of features are Euclidean. */
export const pixelUnit = (dims: number): number => 127.5 / Math.sqrt(dims);
