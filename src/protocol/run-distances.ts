import type { InceptionSource, MeasureFeatures } from './measure';

/** What page and worker say of the distances of a run's moments, measured after the run with features of a person's choice. */

export interface MeasureRunRequest {
  run: string;
  features: MeasureFeatures;
  inception: InceptionSource | null;
  /** The images of the run, chosen again; empty where the browser has them. */
  files: File[];
  /** Images that each student makes, and at most as many held-out real ones for the floor. */
  count: number;
  /** Moments at most, evenly spread; at least three. */
  moments: number;
}

export interface MomentDistance {
  /** Real images that the student had seen. */
  images: number;
  value: number;
  /** Standard error over the thirds of the seeds; null where they are too few. */
  error: number | null;
}

/** The moments of one run on one feature network with one number of images: what compares with each other. */
export interface RunDistances {
  features: MeasureFeatures;
  /** The feature network, in words. */
  words: string;
  /** Images that each student made. */
  n: number;
  reference: string;
  /** The same of held-out real images; null where there are none. */
  floor: number | null;
  nfe: number;
  /** By images seen, ascending. */
  moments: MomentDistance[];
}

/** Distances of other features, or of another number of images, do not compare with these. */
export const sameMeasure = (
  a: Pick<RunDistances, 'features' | 'n'>,
  b: Pick<RunDistances, 'features' | 'n'>,
): boolean => a.features === b.features && a.n === b.n;

/** What is left of distances where a run goes back to a moment: what came after it will be made again. */
export const distancesUpTo = (distances: readonly RunDistances[], images: number): RunDistances[] =>
  distances
    .map((one) => ({ ...one, moments: one.moments.filter((moment) => moment.images <= images) }))
    .filter(({ moments }) => moments.length > 0);
