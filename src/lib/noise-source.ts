/** Where the unit noise of an image comes from, in plain data: rng/noise-source.ts makes values of it. */
export type NoiseSource =
  | { kind: 'seed'; seed: number }
  /** A latent of one's own: C * R * R values in NCHW order, in units of unit normal noise. */
  | { kind: 'latent'; values: Float32Array }
  /** A point on the great circle from one noise to another, `at` 0 to 1. */
  | { kind: 'between'; from: NoiseSource; to: NoiseSource; at: number }
  /** Noise on which other noise was painted. */
  | { kind: 'painted'; under: NoiseSource; strokes: readonly Stroke[] };

/**
 * A stroke of the brush over a square noise picture. Where it passed, the noise is turned towards that of another seed:
 * cos(a) z + sin(a) z', which keeps unit variance whatever the angle.
 */
export interface Stroke {
  /** Seed of the noise that is painted with. */
  seed: number;
  /** Radius of the brush, in pixels of the noise. */
  radius: number;
  /** How far the noise turns under the brush's middle: 1 = all the way to the other one. */
  strength: number;
  /** Places that the brush passed, as x, y, x, y, ..., in whole pixels from the upper left. */
  points: readonly number[];
}
