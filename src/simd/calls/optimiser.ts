import * as record from '../record';
import type { CallList } from './list';

/** Numbers of one step of Adam, float32, in this order: they change from step to step, the program does not. */
export interface StepNumbers {
  /** Learning rate / (1 - beta1^t). */
  rate: number;
  beta1: number;
  beta2: number;
  /** 1 / sqrt(1 - beta2^t). */
  correction: number;
  eps: number;
  /** What an average keeps of itself. */
  averageBeta: number;
}

/** The numbers of a step as the kernel reads them, padded to 8. */
export const stepNumbers = (n: StepNumbers): Float32Array =>
  Float32Array.of(n.rate, n.beta1, n.beta2, n.correction, n.eps, n.averageBeta, 0, 0);

/** A flat range of `count` values (a multiple of 4); addresses. */
export interface Adam {
  count: number;
  parameters: number;
  gradients: number;
  secondMoments: number;
  /** 0: beta1 is 0, and the gradient is its own first moment. */
  firstMoments?: number;
  /** Moving averages of the parameters, or 0. */
  averages?: number;
  /** Address of `stepNumbers`. */
  numbers: number;
}

/**
 * Adam as torch.optim.Adam (bias-corrected, eps outside the root), then the average. Gradients are sanitised as by
 * torch.nan_to_num(nan=0, posinf=1e5, neginf=-1e5).
 */
export function adam(list: CallList, step: Adam): void {
  list.flat(record.ADAM, step.count);
  list.put(record.SOURCE0, step.parameters);
  list.put(record.GRADIENT, step.gradients);
  list.put(record.SECOND_MOMENTS, step.secondMoments);
  list.put(record.FIRST_MOMENTS, step.firstMoments ?? 0);
  list.put(record.AVERAGES, step.averages ?? 0);
  list.put(record.STEP_NUMBERS, step.numbers);
}

/** Moves `averages` by a share, a float32 at that address, towards `values`; flat ranges of `count` values. */
export function blend(
  list: CallList,
  { averages, values, count, share }: { averages: number; values: number; count: number; share: number },
): void {
  list.flat(record.BLEND, count);
  list.put(record.AVERAGES, averages);
  list.put(record.SOURCE0, values);
  list.put(record.STEP_NUMBERS, share);
}

/** Sums of squares of `count` values, one float64 for each task at `out` (a multiple of 8): returns how many. */
export function squares(
  list: CallList,
  { source, count, out }: { source: number; count: number; out: number },
): number {
  const tasks = list.flat(record.SQUARES, count);
  list.put(record.SOURCE0, source);
  list.put(record.OUT, out);
  return tasks;
}
