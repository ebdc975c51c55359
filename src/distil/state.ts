import type { DistilConfig } from './config';
import type { FrechetResult } from './frechet';
import { fromTensor } from './trainable';
import type { DistilTrainer, StepReport, Updates } from './trainer';

/** One point of a run's curves: what a step reported, and what was measured after it. */
export interface CurvePoint extends StepReport {
  imagesPerSecond: number;
  frechet?: number;
  frechetError?: number | null;
  /** Total variance of the features of the student's images beside real images'. */
  spread?: number;
  /** Total variance of the pixels of the samples beside real images', where samples were made. */
  sampleSpread?: number;
  /** What the distance and the samples of this moment took, without what is made once for all of them. */
  measureSeconds?: number;
  sampleSeconds?: number;
}

/** Everything that is not a tensor. */
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

export interface StateTensor {
  shape: readonly number[];
  values: Float32Array;
}

/**
 * The trained tensors of a run, in the published layout: `generator.`, `ema.` and `adamG.` (second moments: beta1 is
 * 0) for the student, `heads.` and `adamD.` for the discriminator with its power vectors and
 * running statistics. What is frozen comes from
 * the teacher again.
 */
export async function collectTensors(trainer: DistilTrainer): Promise<Map<string, StateTensor>> {
  const out = new Map<string, StateTensor>();
  const { generator, discriminator } = trainer;
  for (const name of generator.variables().keys()) {
    const shape = generator.shape(name)!;
    out.set(`generator.${name}`, { shape, values: await generator.fetch(name) });
    for (const [prefix, store] of [
      ['ema.', trainer.ema.averages],
      ['adamG.', trainer.adamG.second],
    ] as const) {
      const tensor = store.get(name);
      if (tensor)
        out.set(prefix + name, { shape, values: fromTensor((await tensor.data()) as Float32Array, shape) });
    }
  }
  if (!discriminator) return out;
  const { parameters } = discriminator;
  for (const name of parameters.variables().keys()) {
    const shape = parameters.shape(name)!;
    out.set(`heads.${name}`, { shape, values: await parameters.fetch(name) });
    const second = trainer.adamD.second.get(name);
    if (second)
      out.set(`adamD.${name}`, { shape, values: fromTensor((await second.data()) as Float32Array, shape) });
  }
  for (const [name, values] of await discriminator.buffers())
    out.set(`heads.${name}`, { shape: [values.length], values });
  return out;
}
