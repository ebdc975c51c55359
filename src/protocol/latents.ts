import type { NoiseSource } from '../lib/noise-source';

/** What page and worker say about latents of one's own. */

/** The square images whose noise is meant. */
export interface LatentShape {
  channels: number;
  resolution: number;
}

export type LatentsCall =
  /** The latents of a file, each [C, R, R] flat; null where it holds something else. */
  | { do: 'read'; file: File; shape: LatentShape }
  /** The noise of one image as a .npy file, [1, C, R, R] float32. */
  | { do: 'write'; noise: NoiseSource; shape: LatentShape };

export interface LatentsResults {
  read: Float32Array[] | null;
  write: Blob;
}
