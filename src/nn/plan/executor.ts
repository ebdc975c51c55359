import type { WeightSource } from '../weights';
import type { Plan } from './steps';

/** Runs one plan for a fixed number of images N. */
export interface PlanExecutor {
  /**
   * Values by name as in `plan.inputs` and `plan.outputs`: maps [N, H, W, C] with the network's own channels
   * (the executor pads), vectors [N, C]. Inputs are not kept; the results belong to the caller. One run at a
   * time. Throws a `backend` error when the device fails.
   */
  run(inputs: ReadonlyMap<string, Float32Array>): Promise<ReadonlyMap<string, Float32Array>>;
  /** Memory of its own (activations), without the network's weights. */
  readonly bytes: number;
  dispose(): void;
}

/** A plan on a device: its weights once, and executors for as many batch sizes as are asked for. */
export interface PlannedNetwork {
  /** `onProgress` counts kernels that had to be compiled. */
  prepare(batch: number, onProgress?: (done: number, total: number) => void): Promise<PlanExecutor>;
  /** Memory of the weights. */
  readonly bytes: number;
  /** Frees the weights; executors are disposed before. */
  dispose(): void;
}

/** A device's way to take in a plan. Reads each parameter once, in its published layout. */
export type OpenPlan = (plan: Plan, weights: WeightSource) => Promise<PlannedNetwork>;
