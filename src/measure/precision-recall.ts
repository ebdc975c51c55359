import { type Breathe, pairDistances, rowsOf, type Vectors, vectorCount } from './distances';
import { Smallest } from './nearest';

/** Neighbours of the published measure. */
export const NEIGHBOURS = 3;

export interface PrecisionRecall {
  /** Share of the generated images that lie among real ones. */
  precision: number;
  /** Share of the real images that lie among generated ones. */
  recall: number;
}

/**
 * Improved precision and recall (Kynkäänniemi et al. 2019): an image lies among others when it is no further from one of
 * them than that one's k-th nearest neighbour among its own. Of sets of unlike sizes the larger has the denser manifold: give
 * as many of both.
 */
export async function precisionRecall(
  real: Vectors,
  generated: Vectors,
  { k = NEIGHBOURS, breathe }: { k?: number; breathe?: Breathe } = {},
): Promise<PrecisionRecall> {
  const realRadii = await radii(real, k, breathe);
  const generatedRadii = await radii(generated, k, breathe);
  const precise = new Uint8Array(vectorCount(generated));
  const recalled = new Uint8Array(vectorCount(real));
  for await (const { i, j, rows, columns, values } of pairDistances(generated, real, false, breathe))
    for (let r = 0; r < rows; r++)
      for (let s = 0; s < columns; s++) {
        const distance = values[r * columns + s]!;
        if (distance <= realRadii[j + s]!) precise[i + r] = 1;
        if (distance <= generatedRadii[i + r]!) recalled[j + s] = 1;
      }
  return { precision: share(precise), recall: share(recalled) };
}

/** Squared distance of each vector to its k-th nearest neighbour among the others. */
async function radii(vectors: Vectors, k: number, breathe?: Breathe): Promise<Float64Array> {
  const n = vectorCount(vectors);
  const smallest = new Smallest(n, k);
  for await (const { i, j, rows, columns, values } of pairDistances(vectors, vectors, true, breathe))
    for (let r = 0; r < rows; r++)
      for (let s = 0; s < columns; s++) {
        const [a, b] = [i + r, j + s];
        if (b >= a) break; // each pair once, none with itself
        const distance = values[r * columns + s]!;
        smallest.offer(a, distance, b);
        smallest.offer(b, distance, a);
      }
  return Float64Array.from({ length: n }, (_, row) => smallest.last(row));
}

const share = (flags: Uint8Array): number => flags.reduce((sum, f) => sum + f, 0) / flags.length;

/** Equal parts of both sets, as many vectors of each, from their heads. */
export function asMany(a: Vectors, b: Vectors, most: number): [Vectors, Vectors] {
  const n = Math.min(vectorCount(a), vectorCount(b), most);
  return [rowsOf(a, 0, n), rowsOf(b, 0, n)];
}
