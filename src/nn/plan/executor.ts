import type { WeightSource } from '../weights';
import type { Plan } from './steps';

/** Runs one plan for a fixed number of images N. */
export interface PlanExecutor {
  /**
   * Values by name as in `plan.inputs` and `plan.outputs`: maps [N, H, W, C] with the network's own channels
   * (the executor pads), q, k and v interleaved as published (head, channel, q|k|v), vectors [N, C]; observed values
   * as sums of squares [N, parts]. Inputs are not kept; the results belong to the caller. `gains` by block, 1 where
   * nothing is said. One run at a time. Throws a `backend` error when the device fails.
   */
  run(
    inputs: ReadonlyMap<string, Float32Array>,
    gains?: ReadonlyMap<string, number>,
  ): Promise<ReadonlyMap<string, Float32Array>>;
  /** Memory of its own (activations), without the network's weights. */
  readonly bytes: number;
  dispose(): void;
}

/** A network on a device: its weights once, for every plan of it and as many batch sizes as are asked for. */
export interface PlannedNetwork {
  /** `plan`: the whole network's, or another one of the same network. `onProgress` counts kernels to be compiled. */
  prepare(
    plan: Plan,
    batch: number,
    onProgress?: (done: number, total: number) => void,
  ): Promise<PlanExecutor>;
  /** Memory of the weights. */
  readonly bytes: number;
  /** Frees the weights; executors are disposed before. */
  dispose(): void;
}

/**
 * A device's way to take in a network, of which `whole` is the plan from image to result: it decides the layout of
 * the weights. Reads each parameter when a plan first needs it, once, in its published layout.
 */
export type OpenNetwork = (whole: Plan, weights: WeightSource) => Promise<PlannedNetwork>;
