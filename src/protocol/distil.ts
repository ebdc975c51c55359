import type { DistilConfig } from '../distil/config';
import type { CurvePoint } from '../distil/curve';
import type { DataRef, ModelInfo, ModelRef } from './models';
import type { PaperFiles } from './paper-files';

/** What the page and the worker say about distillation. One run at a time; it shares the back-end with generation. */

/** What a run is called and what it is made of, for people. */
export interface RunAbout {
  /** The key of the run's place on disk and of its lock. */
  id: string;
  /** 1, 2, ... in this browser. */
  number: number;
  /** "Clothes student, run 3". */
  name: string;
  teacherKey: string;
  teacherName: string;
  dataName: string;
  resolution: number;
  classes: readonly string[] | null;
  licence: string | null;
  /** Its place in a series of runs that differ in one choice; absent for a run by itself. */
  series?: SeriesPlace;
}

/** Which run of a series one is. */
export interface SeriesPlace {
  id: string;
  name: string;
  /** What sets this run apart. */
  label: string;
  /** From 0, of as many. */
  index: number;
  of: number;
}

export interface DistilRequest {
  about: RunAbout;
  teacher: ModelRef;
  /** Go on from this student instead of the teacher's weights. */
  student: ModelRef | null;
  data: DataRef;
  /** A person's, where the configuration says that there are such. */
  paper?: PaperFiles;
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
  /** What distances are measured on and to, in words; null before the first one. */
  features: string;
  reference: string | null;
  /** What executes a step, and why it is not the plan where it is not: a clause. Runs of earlier versions do not say. */
  executor?: string;
  /** Images whose gradients are taken together, where that is less than the batch. */
  microBatch: number | null;
}

/** A parameter that can train: its published name, and how many values it has. */
export interface ParameterSize {
  name: string;
  size: number;
}

export type DistilPhase = 'preparing' | 'running' | 'paused' | 'finished' | 'stopped' | 'failed';

/** A save to go on from: the newest, the one before it, or the one with the lowest distance. */
export type WayBack = 'last' | 'earlier' | 'best';

export type DistilEvent =
  /** `wayBack`: where a run that diverged can go on from, with lower rates. */
  | { kind: 'phase'; phase: DistilPhase; error: string | null; wayBack: WayBack | null }
  | { kind: 'preparing'; what: string; done: number; total: number }
  | { kind: 'plan'; plan: DistilPlan }
  /** `memoryBytes` is what the back-end holds after the step, `peakBytes` the most that it held within. */
  | { kind: 'point'; point: CurvePoint; memoryBytes: number; peakBytes: number }
  | {
      kind: 'samples';
      /** Real images seen when they were made; 0 = the teacher's own one step. */
      images: number;
      /** sampleSeeds.length images of resolution^2 RGBA bytes. */
      pixels: Uint8ClampedArray<ArrayBuffer>;
      resolution: number;
      /** The student of this moment is kept. */
      student: boolean;
    }
  /** Moments whose students are still kept, after some made room for others. */
  | { kind: 'students'; images: number[] }
  | { kind: 'saved'; images: number; bytes: number }
  /** It is at an earlier moment again: what came after it was not saved. */
  | { kind: 'rewound'; iteration: number; images: number }
  /** Something happened that the run survives; null = it is over. */
  | { kind: 'notice'; topic: 'storage' | 'recovery' | 'memory'; text: string | null };

/** Single steps are made while paused: of the generator, of the discriminator, or of both in turn. */
export type DistilAction = 'pause' | 'resume' | 'step' | 'step-g' | 'step-d' | 'stop' | 'save';

export interface DistilResult {
  /** How the run ended; the student of a stopped run is as good as a finished one's. */
  phase: 'finished' | 'stopped';
  images: number;
  /** The averaged student, open under its key like a file of the user's; null when not one step was made. */
  student: ModelInfo | null;
}

/** What a step of a run would take, before it starts. */
export interface StepEstimate {
  /** Images whose gradients were really taken together. */
  measuredImages: number;
  /** What a step takes whatever its images are, and what each of them adds. */
  secondsPerStep: number;
  secondsPerImage: number;
  /** An image made on the way, for samples and distances, and one looked at for a distance. */
  secondsPerSample: number;
  secondsPerCompared: number;
  /** They decide how large the parts of a batch are where nobody says (distil/config, fitMicroBatch). */
  backend: string;
  resolution: number;
  /** Networks, averages and moments: held between steps. */
  heldBytes: number;
  /** The most that is held within a step, without images. */
  fixedBytes: number;
  /** What each image of a part adds to that. */
  bytesPerImage: number;
  /** What fits; null where the browser does not say. */
  limitBytes: number | null;
}

/** What was found out of a person's own images before a run. */
export interface DataCheck {
  name: string;
  /** Images in all, and how many were looked at. */
  size: number;
  looked: number;
  labelDim: number;
  classes: string[] | null;
  channels: number;
  /** The most frequent sizes, and how many others there are. */
  sizes: { width: number; height: number; count: number }[];
  otherSizes: number;
  /** RGBA, one after the other. */
  thumbnails: { pixels: Uint8ClampedArray<ArrayBuffer>; resolution: number; count: number };
  /** What could not be read of the images looked at, and why; '' where all could. */
  skipped: number;
  reasons: string;
  /** Sentences: what was taken or left. */
  notes: string[];
}
