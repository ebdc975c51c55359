import type { Unit } from './kernel';

/**
 * What kernels do to a value before they write it: (y + vector + residual) * scale, in groups of four channels
 * or one at a time. `vector` holds the bias, or the embedding's row of an image with the bias already in it.
 */

/** Uniforms that `epilogueCode` reads. `vectorStride` 0: the same row for every image. */
export const EPILOGUE_UNIFORMS = [
  'vectorOffset',
  'vectorStride',
  'hasVector',
  'hasResidual',
  'scaleF',
] as const;

/** Storage bindings that `epilogueCode` reads, by element type. */
export const epilogueBindings = (type: Unit) => ({ vector: type, residual: type });

/**
 * WGSL `finish(y, image, channel, at)`; `channel` and `at` (of the written element) count elements of `type`, and
 * so do `vectorOffset` and `vectorStride`.
 */
export const epilogueCode = (type: Unit): string => `
fn finish(y: ${type}, image: u32, channel: u32, at: u32) -> ${type} {
  var v = y;
  if (u.hasVector != 0u) { v += vector[u.vectorOffset + image * u.vectorStride + channel]; }
  if (u.hasResidual != 0u) { v += residual[at]; }
  return v * u.scaleF;
}`;
