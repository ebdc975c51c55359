import {
  activationsJson,
  type InspectionJson,
  type LikenessJson,
  QUANTITIES,
  type StudentJson,
} from '../../lib/activations';
import type { Denoiser } from '../../nn/denoiser';
import { ACTIVE_THRESHOLD } from '../../nn/inspection/block-watch';
import type { AnyDenoiser } from '../inference/open-denoiser';
import { type Batch, imageSize } from '../inference/sampling';
import type { Model } from '../models/model';
import { compareBlocks, weightChange } from './compare';
import { type InspectBatch, type InspectOptions, inspectTable } from './inspect';

export interface Subject {
  id: string;
  model: Model;
  denoiser: Denoiser;
}

export interface ReportOptions extends InspectOptions {
  backend: string;
  /** Significant digits to keep; all by default. */
  digits?: number;
}

type OnProgress = (done: number, total: number) => void;

/** Everything that `innate inspect` writes about one network. */
export async function inspectionReport(
  { id, denoiser }: Pick<Subject, 'id'> & { denoiser: AnyDenoiser },
  batch: InspectBatch,
  options: ReportOptions,
  onProgress?: OnProgress,
): Promise<InspectionJson> {
  const table = await inspectTable(denoiser, batch, options, onProgress);
  return {
    ...activationsJson(id, table, options.digits),
    input: options.input,
    samples: batch.latents.length / imageSize(denoiser.config),
    activeThreshold: ACTIVE_THRESHOLD,
    backend: options.backend,
  };
}

/** The student beside its teacher: its activations at its start sigma, likeness over `examples`, change of the weights. */
export async function studentReport(
  teacher: Subject,
  student: Subject,
  batch: Batch,
  examples: Batch,
  options: ReportOptions,
  onProgress?: OnProgress,
): Promise<StudentJson> {
  const short = (v: number) => (options.digits === undefined ? v : Number(v.toPrecision(options.digits)));
  const shortOrNone = (v: number | null) => (v === null ? null : short(v));
  const own: InspectOptions = {
    ...options,
    sigmas: [student.model.sigma],
    input: 'noise',
    quantities: QUANTITIES.filter((q) => q !== 'change'),
  };
  const { blocks } = activationsJson(
    student.id,
    await inspectTable(student.denoiser, batch, own),
    options.digits,
  );
  let likeness: LikenessJson = { examples: 0, cka: [] };
  const comparison = compareBlocks(
    teacher.denoiser,
    student.denoiser,
    examples,
    options.sigmas,
    student.model.sigma,
  );
  for await (const step of comparison) {
    onProgress?.(step.done, step.total);
    likeness = step.likeness ?? likeness;
  }
  const layers = weightChange(teacher.model.config.unet, teacher.model.weights, student.model.weights);
  return {
    model: student.id,
    sigma: student.model.sigma,
    blocks,
    likeness: { ...likeness, cka: likeness.cka.map((levels) => levels.map(shortOrNone)) },
    layers: layers.map((l) => ({ ...l, norm: short(l.norm), change: shortOrNone(l.change) })),
  };
}
