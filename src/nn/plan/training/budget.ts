import type { IterationExecutor, RecordedStep } from './executor';
import type { Iteration } from './settings';

/** Records a step of which these blocks are recomputed (checkpoints.ts). */
export type RecordWith = (recomputed: ReadonlySet<number>) => RecordedStep;

/** A step as it was chosen. */
export interface Chosen {
  step: RecordedStep;
  /** Blocks that are recomputed, of all whose recomputation would give something back. */
  recomputed: number;
  of: number;
  /** What the executor would hold with it. */
  bytes: number;
}

/**
 * The step that fits into `budget` bytes of an executor with as few blocks recomputed as that takes: those come first that give back
 * most for the work of making them twice, which in a feature network is the wide middle of its blocks, a hundred times
 * cheaper by the byte than a block of the student. Where nothing fits it is the one that recomputes all, and its bytes say so.
 */
export function chooseStep(
  executor: Pick<IterationExecutor, 'measure'>,
  record: RecordWith,
  budget: number,
): Chosen {
  const plain = record(new Set());
  const blocks = [...(plain.iteration.recomputable ?? [])].sort(
    (a, b) => b.values / b.work - a.values / a.work,
  );
  const choice = (step: RecordedStep, recomputed: number): Chosen => ({
    step,
    recomputed,
    of: blocks.length,
    bytes: executor.measure(step),
  });
  const first = (count: number) =>
    choice(record(new Set(blocks.slice(0, count).map(({ block }) => block))), count);
  const whole = choice(plain, 0);
  if (whole.bytes <= budget || blocks.length === 0) return whole;
  let best = first(blocks.length);
  if (best.bytes > budget) return best;
  let tooFew = 0;
  while (best.recomputed - tooFew > 1) {
    const next = first((tooFew + best.recomputed) >> 1);
    if (next.bytes <= budget) best = next;
    else tooFew = next.recomputed;
  }
  return best;
}

/** Bytes of the state that the steps `later` have and the steps `before` do not: what is added when they are prepared. */
export function addedState(later: readonly Iteration[], before: readonly Iteration[]): number {
  const state = (steps: readonly Iteration[]) => {
    const found = new Map<string, number>();
    for (const { operation: o, shape } of steps.flatMap(({ graph }) => graph.nodes))
      if (o.op === 'parameter') found.set(o.name, 4 * shape.channels);
    return found;
  };
  const known = state(before);
  let bytes = 0;
  for (const [name, own] of state(later)) if (!known.has(name)) bytes += own;
  return bytes;
}
