import type { FrechetResult } from '../measure/frechet';
import type { DistilConfig } from './config';
import type { CurvePoint } from './curve';
import type { Updates } from './executor';

/**
 * A run's state beside its tensors. Those are, in the published layout: `generator.`, `ema.` and `adamG.` (second moments:
 * beta1 is 0) for the student, `target.` for consistency distillation's target network, `heads.` and `adamD.` for the
 * discriminator with its power vectors and running statistics (which training never reads).
 * What is frozen comes from the teacher again.
 */
export interface RunMeta {
  version: 1;
  config: DistilConfig;
  iteration: number;
  images: number;
  /** Absent where every iteration was a whole one. */
  updates?: Updates;
  dataPosition: number;
  /** Images seen when the best student was measured, and its distance. */
  best: { images: number; frechet: FrechetResult } | null;
  curve: CurvePoint[];
  backend: string;
  /** What the run was made of, by content; states of earlier versions do not say. */
  marks?: SourceMarks;
  /** Options of the command that began it, by name and with absolute paths; a run of the page has none. */
  command?: Record<string, string | number>;
}

/** Tells networks and data sets apart by what is in them (engine/source-marks). */
export interface SourceMarks {
  teacher: string;
  /** The network that training began from, where that is not the teacher. */
  student: string | null;
  data: { images: number; labelDim: number; content: string };
}
