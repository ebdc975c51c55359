import type { GpuContext } from '../../../gpu/context';
import type { KernelTraits } from '../../../gpu/traits';
import type { WeightPrecision } from '../../../lib/backends';
import type { WeightSource } from '../../weights';
import type { OpenNetwork, PlannedNetwork } from '../executor';
import type { Plan } from '../steps';
import { WebGpuExecutor } from './executor';
import { type WeightLayout, weightLayout } from './layout';
import { GpuWeights } from './weights';

/** Takes a network to a GPU: its weights once, in the given precision; an executor for each plan and batch size. */
export const openWebGpu =
  (context: GpuContext, precision: WeightPrecision) =>
  async (...[whole, source]: Parameters<OpenNetwork>): Promise<WebGpuNetwork> =>
    new WebGpuNetwork(whole, source, context, precision);

/** Weights as one form of the kernels reads them. */
interface Packed {
  traits: KernelTraits;
  weights: GpuWeights;
  layout: WeightLayout;
}

class WebGpuNetwork implements PlannedNetwork {
  private packed: Packed;
  /** Weights in forms of which a kernel was refused later: executors made before go on with them. */
  private readonly left: GpuWeights[] = [];

  constructor(
    private readonly whole: Plan,
    private readonly source: WeightSource,
    private readonly context: GpuContext,
    readonly precision: WeightPrecision,
  ) {
    this.packed = this.pack(context.traits);
  }

  prepare(
    plan: Plan,
    batch: number,
    onProgress?: (done: number, total: number) => void,
  ): Promise<WebGpuExecutor> {
    const { source, context, precision } = this;
    return context.inSomeForm((traits) => {
      const { weights, layout } = this.inForm(traits);
      const options = { batch, precision, layout, traits };
      return WebGpuExecutor.create(plan, source, weights, options, context, onProgress);
    }, this.packed.traits);
  }

  get bytes(): number {
    return [this.packed.weights, ...this.left].reduce((sum, weights) => sum + weights.bytes, 0);
  }

  dispose(): void {
    for (const weights of [this.packed.weights, ...this.left]) weights.dispose();
  }

  private inForm(traits: KernelTraits): Packed {
    if (this.packed.traits !== traits) {
      this.left.push(this.packed.weights);
      this.packed = this.pack(traits);
    }
    return this.packed;
  }

  private pack(traits: KernelTraits): Packed {
    const layout = weightLayout(this.whole, this.source, traits.winograd);
    return { traits, weights: new GpuWeights(this.context.memory), layout };
  }
}
