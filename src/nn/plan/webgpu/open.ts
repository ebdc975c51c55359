import type { GpuContext } from '../../../gpu/context';
import type { WeightSource } from '../../weights';
import type { OpenNetwork, PlannedNetwork } from '../executor';
import type { Plan } from '../steps';
import { WebGpuExecutor } from './executor';
import { type WeightLayout, weightLayout } from './layout';
import type { WeightPrecision } from './pack';
import { GpuWeights } from './weights';

/** Takes a network to a GPU: its weights once, in the given precision; an executor for each plan and batch size. */
export const openWebGpu =
  (context: GpuContext, precision: WeightPrecision) =>
  async (...[whole, source]: Parameters<OpenNetwork>): Promise<WebGpuNetwork> =>
    new WebGpuNetwork(whole, source, context, precision);

class WebGpuNetwork implements PlannedNetwork {
  private readonly weights: GpuWeights;
  private readonly layout: WeightLayout;

  constructor(
    whole: Plan,
    private readonly source: WeightSource,
    private readonly context: GpuContext,
    readonly precision: WeightPrecision,
  ) {
    this.weights = new GpuWeights(context.memory);
    this.layout = weightLayout(whole, source, context.traits.winograd);
  }

  prepare(
    plan: Plan,
    batch: number,
    onProgress?: (done: number, total: number) => void,
  ): Promise<WebGpuExecutor> {
    const { source, weights, layout, context, precision } = this;
    return WebGpuExecutor.create(plan, source, weights, { batch, precision, layout }, context, onProgress);
  }

  get bytes(): number {
    return this.weights.bytes;
  }

  dispose(): void {
    this.weights.dispose();
  }
}
