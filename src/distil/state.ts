import type { FrechetResult } from '../measure/frechet';
import type { DistilConfig } from './config';
import type { CurvePoint } from './curve';
import { fromTensor } from './trainable';
import type { DistilTrainer, Updates } from './trainer';

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
 * 0) for the student, `target.` for consistency distillation's target network, `heads.` and `adamD.` for the discriminator with its power vectors and
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
      ['target.', trainer.target?.averages],
    ] as const) {
      const tensor = store?.get(name);
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
