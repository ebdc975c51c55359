import { type Plan, valueSize } from '../steps';
import type { LoweredPlan } from './lowering';

/** What a forward pass costs, independent of the adapter. */
export interface PlanCost {
  dispatches: number;
  flops: number;
  /** Bytes of every operand of every dispatch. */
  bytesMoved: number;
  /** Every weight once, every value of the plan once out and once in. */
  leastBytes: number;
  weightBytes: number;
}

/** The cost of a plan for `batch` images, reckoned from its dispatches alone: no device is needed. */
export function planCost(plan: Plan, { dispatches }: LoweredPlan, batch: number): PlanCost {
  const weights = new Map<string, number>();
  let bytesMoved = 0;
  for (const { operands } of dispatches)
    for (const operand of operands) {
      if (operand === 'nothing') continue;
      if ('weight' in operand) weights.set(operand.weight.key, operand.weight.bytes);
      bytesMoved += 'weight' in operand ? operand.weight.bytes : operand.scratch.bytes;
    }
  const made = new Set(plan.steps.map((s) => s.out));
  let leastBytes = 0;
  for (const value of [...plan.inputs.values(), ...made]) leastBytes += 8 * valueSize(value) * batch;
  const weightBytes = [...weights.values()].reduce((sum, bytes) => sum + bytes, 0);
  return {
    dispatches: dispatches.length,
    flops: dispatches.reduce((sum, d) => sum + d.flops, 0),
    bytesMoved,
    leastBytes: leastBytes + weightBytes,
    weightBytes,
  };
}
