import type { SamplerName } from '../lib/sampling';
import type { ModelRef } from './models';

/** What the page and the worker say about making images. */

export interface GenerateRequest {
  model: ModelRef;
  /** One an image; fractions blend neighbours. */
  seeds: number[];
  /** For all images; null = the class of each seed. */
  classIndex: number | null;
  sampler: SamplerName;
  /** Heun steps. */
  steps: number;
  /** Noise level of the first evaluation. */
  sigma: number;
  /** Noise level of the second of two steps. */
  sigmaMid: number;
  /** Index of the image to make first (the selected one). */
  first?: number;
}

/** Some images of a request, in the order of `seeds`; RGBA bytes for putImageData. */
export interface ImageChunk {
  /** Positions in `seeds`. */
  indices: number[];
  /** indices.length images of resolution^2 * 4 bytes. */
  pixels: Uint8ClampedArray<ArrayBuffer>;
  resolution: number;
  /** Class of each image; null for unconditional networks. */
  classes: number[] | null;
  /** Milliseconds that these images took together, all their passes included. */
  ms: number;
}

export type GenerateOutcome = 'complete' | 'superseded' | 'cancelled';
