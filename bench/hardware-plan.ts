import { HARDWARE } from '../src/gpu/traits';
import type { WeightPrecision } from '../src/lib/backends';
import type { NetworkConfig } from '../src/nn/config';
import { parameterSpecs } from '../src/nn/parameters';
import { planNetwork } from '../src/nn/plan/network-plan';
import { type PlanCost, planCost } from '../src/nn/plan/webgpu/cost';
import { lower } from '../src/nn/plan/webgpu/lower';
import { assignSlots } from '../src/nn/plan/webgpu/slots';
import type { WeightSource } from '../src/nn/weights';

export interface HardwarePlan extends PlanCost {
  precision: WeightPrecision;
  /** Weights and activations. */
  gpuBytes: number;
}

/** Binding size that WebGPU grants everywhere. */
const MAX_BINDING = 2 ** 27;

/** What a hardware GPU would be given for one forward pass: reckoned, since no such GPU need be at hand. */
export function hardwarePlan(
  { unet }: NetworkConfig,
  batch: number,
  precision: WeightPrecision,
): HardwarePlan {
  const shapes = new Map(parameterSpecs(unet).map((s) => [s.name, s.shape]));
  const source: WeightSource = {
    names: () => shapes.keys(),
    shape: (name) => shapes.get(name),
    read: () => {
      throw new Error('only shapes are needed');
    },
  };
  const plan = planNetwork(unet, source);
  const lowered = lower(plan, source, { batch, traits: HARDWARE, precision, maxBinding: MAX_BINDING });
  const buffers = (values: Iterable<Parameters<typeof lowered.bufferOf.get>[0]>) =>
    new Set([...values].map((v) => lowered.bufferOf.get(v)!));
  const { slots } = assignSlots(lowered.dispatches, lowered.scratch, {
    inputs: buffers(plan.inputs.values()),
    outputs: new Set(lowered.outputIn.values()),
  });
  const cost = planCost(plan, lowered, batch);
  return { ...cost, precision, gpuBytes: cost.weightBytes + slots.reduce((sum, bytes) => sum + bytes, 0) };
}
