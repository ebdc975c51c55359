import type { GpuContext } from '../../../gpu/context';
import type { WeightSource } from '../../weights';
import type { PlannedNetwork } from '../executor';
import type { Plan } from '../steps';
import { WebGpuExecutor } from './executor';
import type { WeightPrecision } from './pack';
import { GpuWeights } from './weights';

/** Takes a plan to a GPU: its weights once, in the given precision; an executor for each batch size. */
export function openWebGpuPlan(
  context: GpuContext,
  precision: WeightPrecision,
): (plan: Plan, source: WeightSource) => Promise<WebGpuNetwork> {
  return async (plan, source) => new WebGpuNetwork(plan, source, context, precision);
}

class WebGpuNetwork implements PlannedNetwork {
  private readonly weights: GpuWeights;

  constructor(
    private readonly plan: Plan,
    private readonly source: WeightSource,
    private readonly context: GpuContext,
    readonly precision: WeightPrecision,
  ) {
    this.weights = new GpuWeights(context.memory);
  }

  prepare(batch: number, onProgress?: (done: number, total: number) => void): Promise<WebGpuExecutor> {
    const { plan, source, weights, context, precision } = this;
    return WebGpuExecutor.create(plan, source, weights, { batch, precision }, context, onProgress);
  }

  get bytes(): number {
    return this.weights.bytes;
  }

  dispose(): void {
    this.weights.dispose();
  }
}
