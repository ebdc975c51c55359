import type { DistilConfig } from '../distil/config';
import type { CurvePoint } from '../distil/state';
import type { ModelInfo, ModelRef } from './protocol';

/** What the page and the worker say about distillation. One run at a time; it shares the back-end with generation. */

/** Real images: a sample pack that comes with the page (public/data/index.json), or the user's own files. */
export type DataRef = { kind: 'pack'; id: string } | { kind: 'files'; files: File[]; name: string };

export interface DistilRequest {
  teacher: ModelRef;
  /** Go on from this student instead of the teacher's weights. */
  student: ModelRef | null;
  data: DataRef;
  config: DistilConfig;
  /** Seeds of the images that are shown on the way, always the same ones. */
  sampleSeeds: number[];
  /** Iterations between them. */
  sampleEvery: number;
  /** Images generated for a Fréchet distance; 0 = none. */
  measureImages: number;
  /** Images of training between distances. */
  measureEvery: number;
}

/** What a run is about to do, told before its first step. */
export interface DistilPlan {
  trainedParameters: number;
  parameters: number;
  /** Names of frozen and trained layers ("enc.32x32_block0.conv0"). */
  layers: { name: string; trains: boolean; parameters: number }[];
  /** Images in the data set. */
  dataImages: number;
  dataName: string;
  /** Fréchet distances before the first step, when they are measured: held-out real images, the teacher at one step. */
  floor: number | null;
  teacherOneStep: number | null;
}

export type DistilPhase = 'preparing' | 'running' | 'paused' | 'finished' | 'stopped' | 'failed';

export type DistilEvent =
  | { kind: 'phase'; phase: DistilPhase; error: string | null }
  | { kind: 'preparing'; what: string; done: number; total: number }
  | { kind: 'plan'; plan: DistilPlan }
  | { kind: 'point'; point: CurvePoint }
  | {
      kind: 'samples';
      /** Real images seen when they were made; 0 = the teacher's own one step. */
      images: number;
      /** sampleSeeds.length images of resolution^2 RGBA bytes. */
      pixels: Uint8ClampedArray<ArrayBuffer>;
      resolution: number;
    };

/** 'step' does one whole iteration while paused. */
export type DistilAction = 'pause' | 'resume' | 'step' | 'stop';

export interface DistilResult {
  /** How the run ended; the student of a stopped run is as good as a finished one's. */
  phase: 'finished' | 'stopped';
  images: number;
  /** The averaged student, open under its key like a file of the user's; null when not one step was made. */
  student: ModelInfo | null;
}
