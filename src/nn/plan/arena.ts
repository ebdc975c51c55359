import { type Plan, type Step, stepReads, type Value } from './steps';

/** Something that occupies memory from one step to another, both included. */
export interface Buffer {
  bytes: number;
  first: number;
  last: number;
}

export interface Arena {
  /** Where each buffer lies, in bytes: multiples of `align`. */
  offsets: number[];
  bytes: number;
}

/**
 * Places buffers so that those alive at the same step do not overlap: the largest first, each into the smallest
 * gap that holds it among those already placed.
 */
export function placeBuffers(buffers: readonly Buffer[], align = 64): Arena {
  const round = (bytes: number) => Math.ceil(bytes / align) * align;
  const offsets = new Array<number>(buffers.length).fill(0);
  const placed: number[] = []; // sorted by offset
  let total = 0;
  const order = buffers.map((_, i) => i).sort((a, b) => buffers[b]!.bytes - buffers[a]!.bytes || a - b);
  for (const i of order) {
    const { bytes, first, last } = buffers[i]!;
    const size = round(bytes);
    let best: { at: number; gap: number } | null = null;
    let end = 0;
    for (const j of placed) {
      const other = buffers[j]!;
      if (other.last < first || other.first > last) continue;
      const gap = offsets[j]! - end;
      if (gap >= size && (!best || gap < best.gap)) best = { at: end, gap };
      end = Math.max(end, offsets[j]! + round(other.bytes));
    }
    offsets[i] = best?.at ?? end;
    total = Math.max(total, offsets[i]! + size);
    const after = placed.findIndex((j) => offsets[j]! > offsets[i]!);
    placed.splice(after < 0 ? placed.length : after, 0, i);
  }
  return { offsets, bytes: total };
}

/**
 * The first and the last step by which each of a plan's values is needed. Inputs are there from the start (-1), outputs stay until
 * after the last step.
 */
export function lifetimes(plan: Plan): Map<Value, { first: number; last: number }> {
  const alive = new Map<Value, { first: number; last: number }>();
  for (const value of plan.inputs.values()) alive.set(value, { first: -1, last: -1 });
  plan.steps.forEach((step: Step, i) => {
    for (const value of stepReads(step)) alive.get(value)!.last = i;
    alive.set(step.out, { first: i, last: i });
  });
  const kept = Array.from(plan.outputs.values(), (output) => output.value);
  for (const value of [...kept, ...plan.observed.values()]) alive.get(value)!.last = plan.steps.length;
  return alive;
}
