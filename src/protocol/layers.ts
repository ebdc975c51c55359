import type { LayerJson, LikenessJson, Quantity, Row, Samples } from '../lib/activations';
import type { DataRef, ModelRef } from './models';

/** What the page and the worker say about the inside of a network. */

export type LayersInput = 'noise' | 'noised' | 'trajectory';

/** What the network is shown: noise of the seed, and real images where they are noised. */
export interface ShownInput {
  kind: LayersInput;
  /** Real images; only for 'noised'. */
  data: DataRef | null;
  /** null = the class of the seed, or of the real image. */
  classIndex: number | null;
}

/** A map of one network over noise levels, and a student beside it. A newer one supersedes it. */
export interface InspectRequest {
  model: ModelRef;
  /** A student of the same architecture; null = none. */
  student: ModelRef | null;
  /** Where the student starts: it is measured there alone. */
  studentSigma?: number;
  /** Descending. */
  sigmas: number[];
  input: ShownInput;
  seeds: number[];
  quantities: Quantity[];
  /** Those of a first look at few levels and samples; rms alone comes from the plan. */
  first: Quantity[];
  parts: boolean;
  /** Samples whose spectra are taken; 0 = none. */
  spectra: number;
  /** Seeds over which student and teacher are compared by CKA; 0 = not at all. */
  examples: number;
}

export type InspectEvent =
  /** Rows of the map: told first. */
  | { kind: 'rows'; rows: Row[]; activeThreshold: number }
  /** A few levels and samples measured before the rest; all of it is measured again. */
  | { kind: 'coarse'; samples: Samples }
  | { kind: 'samples'; samples: Samples }
  /** The student's, at its one level. */
  | { kind: 'student'; samples: Samples }
  | { kind: 'weights'; layers: LayerJson[] }
  | { kind: 'likeness'; likeness: LikenessJson }
  | { kind: 'progress'; what: string; done: number; total: number };

export type InspectOutcome = 'complete' | 'superseded';

/** One seed under one noise level, seen closely. A newer one of the same slot supersedes it. */
export interface LookRequest {
  /** Requests of different slots do not supersede each other: a student and its teacher are looked at together. */
  slot: string;
  model: ModelRef;
  sigma: number;
  input: ShownInput;
  seed: number;
  /** 'input': what the network is shown. 'denoised': what it makes of it. 'sampled': its image after Heun steps. */
  want: 'input' | 'denoised' | 'sampled' | 'maps';
  /** Heun steps of 'sampled'. */
  steps?: number;
  /** The block or the part of one whose maps are wanted ('maps'). */
  row?: string;
  /** Factors on what blocks add, by name. */
  gains?: Record<string, number>;
}

export type LookResult =
  | {
      kind: 'picture';
      /** RGBA, resolution^2 * 4 bytes. */
      pixels: Uint8ClampedArray<ArrayBuffer>;
      resolution: number;
      /** Radial power of the picture, 0 to resolution / 2 cycles an image. */
      spectrum: number[];
      ms: number;
    }
  | {
      kind: 'maps';
      /** [channels, size, size] */
      values: Float32Array<ArrayBuffer>;
      channels: number;
      size: number;
      ms: number;
    }
  | { kind: 'superseded' };
