import type { GenerateRequest } from '../../protocol/generate';

/** In which order the images of a request are made. */
interface MakingOrder {
  /** Positions in `seeds`. */
  images: readonly number[];
  /** So many of them, from the first on, are in view. */
  seen: number;
}

/** First the image that is looked at, then what else is in view, then the rest; each in the order of the grid. */
export function makingOrder({
  seeds,
  first,
  unseen = [],
}: Pick<GenerateRequest, 'seeds' | 'first' | 'unseen'>): MakingOrder {
  const out = new Set(unseen);
  const rank = (i: number) => (i === first ? 0 : out.has(i) ? 2 : 1);
  const images = seeds.map((_, i) => i).sort((a, b) => rank(a) - rank(b) || a - b);
  return { images, seen: images.filter((i) => rank(i) < 2).length };
}

/** How many of the next images may share a pass: what is in view does not wait for what is not. */
export const leftTogether = ({ images, seen }: MakingOrder, done: number): number =>
  (done < seen ? seen : images.length) - done;
