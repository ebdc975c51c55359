import type { ImageDenoiser } from '../../nn/denoiser';
import { heunStep } from '../../nn/samplers';

/**
 * What the network is shown at each noise level. 'noise': sigma * n alone. 'noised': a real image plus sigma * n.
 * 'trajectory': where the network's own sampler is when it comes to that level from n.
 */
export type InputKind = 'noise' | 'noised' | 'trajectory';
export const INPUT_KINDS: readonly InputKind[] = ['noise', 'noised', 'trajectory'];

/** Some samples' way through the noise levels, [N, C, R, R] flat. */
export interface InputPath {
  /** The input at a level. */
  at(sigma: number): Float32Array;
  /** Goes on to the next level, given the output at this one; does nothing where inputs do not depend on it. */
  advance(sigma: number, next: number, denoised: Float32Array): Promise<void>;
  /** Whether `advance` needs the denoised images. */
  readonly follows: boolean;
}

/** The noise alone, as loud as the level: sigma z. */
export function noisePath(latents: Float32Array): InputPath {
  return { follows: false, at: (sigma) => latents.map((z) => z * sigma), advance: async () => {} };
}

/** Real images under noise, x + sigma z: `images` [N, C, R, R] flat in [-1, 1], of the shape of `latents`. */
export function noisedPath(images: Float32Array, latents: Float32Array): InputPath {
  return {
    follows: false,
    at: (sigma) => latents.map((z, i) => images[i]! + z * sigma),
    advance: async () => {},
  };
}

/** Heun's sampler through exactly the levels that are looked at, from the first one downwards. */
export function trajectoryPath(
  denoiser: ImageDenoiser,
  latents: Float32Array,
  classes: ArrayLike<number> | null,
): InputPath {
  let x: Float64Array<ArrayBuffer> | null = null;
  const start = (sigma: number) => Float64Array.from(latents, (z) => z * sigma);
  return {
    follows: true,
    at: (sigma) => Float32Array.from(x ?? start(sigma)),
    async advance(sigma, next, denoised) {
      const evaluate = (v: Float32Array, s: number) => denoiser.denoise(v, s, classes);
      x = await heunStep(evaluate, x ?? start(sigma), denoised, sigma, next);
    },
  };
}
