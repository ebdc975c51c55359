import type { ClassMix } from '../lib/class-mix';
import type { NoiseSource } from '../lib/noise-source';
import type { SamplerName } from '../lib/sampling';
import type { ModelRef } from './models';

/** What the page and the worker say about making images. */

/** What the images are made of. */
export interface ImageInputs {
  /** One an image; fractions blend neighbours. */
  seeds: number[];
  /** For all images; null = the class of each seed. */
  classIndex: number | null;
  /** Classes that every image's own is mixed with; none when absent. */
  mix?: ClassMix;
  /** What the unit noise is multiplied by; 1 when absent. The network is told the same sigma. */
  temperature?: number;
  /** What single images have in place of the above, by position in `seeds`. */
  own?: readonly (OwnInput | null)[];
}

/** What one image has of its own; what is absent is as for all images. */
export interface OwnInput {
  noise?: NoiseSource;
  /** null = the class of its seed. */
  classIndex?: number | null;
  mix?: ClassMix;
  temperature?: number;
}

export interface GenerateRequest extends ImageInputs {
  model: ModelRef;
  sampler: SamplerName;
  /** Heun steps. */
  steps: number;
  /** Noise level of the first evaluation. */
  sigma: number;
  /** Noise level of the second of two steps. */
  sigmaMid: number;
  /** What blocks add is scaled by so much, by published names of blocks; the others are as trained. */
  gains?: Readonly<Record<string, number>>;
  /** Index of the image to make first (the selected one): it does not wait for others, where that takes a while. */
  first?: number;
  /** Indices of images that are out of sight: they are made after the others. */
  unseen?: readonly number[];
  /** Made between the requests of the view: it supersedes none of them, and none supersedes it. */
  background?: boolean;
}

/** Some images of a request, in the order of `seeds`; RGBA bytes for putImageData. */
export interface ImageChunk {
  /** Positions in `seeds`. */
  indices: number[];
  /** indices.length images of resolution^2 * 4 bytes. */
  pixels: Uint8ClampedArray<ArrayBuffer>;
  resolution: number;
  /** Class of each image, without what is mixed with it; null for unconditional networks. */
  classes: number[] | null;
  /** Milliseconds that these images took together, all their passes included. */
  ms: number;
}

export type GenerateOutcome = 'complete' | 'superseded' | 'cancelled';
