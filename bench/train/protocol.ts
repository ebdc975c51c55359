import type { BackendName } from '../../src/lib/backends';
import type { TrainNetName } from './nets';

/** What the bench of training and the processes of its engines say to each other. */

/**
 * `gdd-i`: a whole iteration, both networks, optimisers and average. `plain`: the student's one step on noise, the gradient of a
 * mean square of its images, and Adam, without a discriminator.
 */
export const STEP_NAMES = ['gdd-i', 'plain'] as const;
export type StepName = (typeof STEP_NAMES)[number];

/** A row of the bench. */
export interface TrainRow {
  engine: string;
  backend: Extract<BackendName, 'wasm' | 'webgpu'>;
  step: StepName;
  net: TrainNetName;
  batch: number;
}

/** Measured of one iteration. */
export interface StepFigures {
  ms: number;
  /** Processor time of the process, all its threads. */
  processorMs: number;
  losses: number[];
  /** webgpu only: WebGPU calls, and the time until the last was made. */
  dispatches: number | null;
  submits: number | null;
  encodeMs: number | null;
  /** Of data on the back-end (wasm), of GPU buffers (webgpu). */
  peakBytes: number;
}

export type FromEngine = { ready: true } | { figures: StepFigures } | { failed: string };
