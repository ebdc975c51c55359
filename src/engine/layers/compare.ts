import * as tf from '@tensorflow/tfjs-core';
import { trainedBy } from '../../distil/freeze';
import { checkDevice } from '../../gpu/backends';
import type { LayerJson, LikenessJson } from '../../lib/activations';
import { Alignment } from '../../lib/cka';
import { InnateError } from '../../lib/errors';
import { unetBlocks } from '../../nn/blocks';
import type { UNetConfig } from '../../nn/config';
import type { Denoiser } from '../../nn/denoiser';
import { centredGram } from '../../nn/inspection/statistics';
import { layersOf } from '../../nn/parameters';
import { observe, type RecordTensor } from '../../nn/tf/observe';
import type { WeightSource } from '../../nn/weights';
import { batchSize } from '../inference/batching';
import { type Batch, imageSize } from '../inference/sampling';

/** Relative L2 change of every layer, in the order of the parameters. Both networks are of one shape. */
export function weightChange(unet: UNetConfig, teacher: WeightSource, student: WeightSource): LayerJson[] {
  const trains = trainedBy({ method: 'gdd-i', freeze: null }, unet);
  return layersOf(unet).map(({ name, parameters }) => {
    let moved = 0;
    let square = 0;
    let count = 0;
    for (const parameter of parameters) {
      const a = teacher.read(parameter.name);
      const b = student.read(parameter.name);
      for (let i = 0; i < a.length; i++) {
        moved += (b[i]! - a[i]!) ** 2;
        square += a[i]! ** 2;
      }
      count += a.length;
    }
    return {
      name,
      parameters: count,
      norm: Math.sqrt(square),
      change: square > 0 ? Math.sqrt(moved / square) : null,
      frozen: !parameters.some((parameter) => trains(parameter.name)),
    };
  });
}

export interface LikenessStep {
  /** After each group of examples; null in between. */
  likeness: LikenessJson | null;
  /** Evaluations of groups. */
  done: number;
  total: number;
}

/**
 * How alike each block of the student is at its start sigma to the same block of the teacher at every level: linear CKA
 * of the outputs over seeds. Shows the student `start` z and makes its images G(z); shows the teacher G(z) + sigma z: at
 * 80 that is noise as the student sees it, at lower levels the same picture under less of the same noise. One evaluation
 * a step; the last one has the result.
 */
export async function* compareBlocks(
  teacher: Denoiser,
  student: Denoiser,
  batch: Batch,
  sigmas: readonly number[],
  start: number,
): AsyncGenerator<LikenessStep, void> {
  const { config } = teacher;
  const blocks = unetBlocks(config.unet).map((b) => b.name);
  checkComparable(blocks, student);
  const size = imageSize(config);
  const count = batch.latents.length / size;
  const step = batchSize(config);
  if (Math.min(step, count) < 4)
    throw new InnateError('unsupported', 'this network is too large to compare on this device', {
      expected: 'room for four images in one pass',
    });
  const watched = new Set(blocks);
  const see = (name: string, value: tf.Tensor, record: RecordTensor) =>
    watched.has(name) && tf.tidy(() => record(name, centredGram(value)));
  const sums = blocks.map(() => sigmas.map(() => new Alignment()));
  const groups = splitEvenly(count, step);
  const total = groups.length * (sigmas.length + 1);
  let done = 0;
  for (const [from, n] of groups) {
    const z = batch.latents.subarray(from * size, (from + n) * size);
    const classes = batch.classes?.subarray(from, from + n) ?? null;
    const loud = z.map((v) => v * start);
    const own = await observe(student, loud, start, classes, { see, images: true });
    checkDevice();
    yield { likeness: null, done: ++done, total };
    for (const [level, sigma] of sigmas.entries()) {
      const x = z.map((v, i) => own.images[i]! + v * sigma);
      const other = await observe(teacher, x, sigma, classes, { see });
      checkDevice();
      blocks.forEach(
        (name, b) => void sums[b]![level]!.add(own.values.get(name)!, other.values.get(name)!, n),
      );
      const cka = () => sums.map((levels) => levels.map((a) => a.value));
      const last = level === sigmas.length - 1;
      yield { likeness: last ? { cka: cka(), examples: from + n } : null, done: ++done, total };
    }
  }
}

function checkComparable(blocks: readonly string[], student: Denoiser): void {
  const others = unetBlocks(student.config.unet).map((b) => b.name);
  if (blocks.length === others.length && blocks.every((name, i) => name === others[i])) return;
  throw new InnateError('mismatch', 'the two networks do not have the same blocks', {
    expected: `${blocks.length} blocks`,
    found: `${others.length} blocks`,
    hint: 'Compare a student with the teacher it was made from',
  });
}

/** Groups [from, count] of at most `step`, as equal as can be, so that none is too small to compare. */
function splitEvenly(count: number, step: number): [number, number][] {
  const groups = Math.ceil(count / step);
  return Array.from({ length: groups }, (_, g) => {
    const from = Math.floor((g * count) / groups);
    return [from, Math.floor(((g + 1) * count) / groups) - from];
  });
}
