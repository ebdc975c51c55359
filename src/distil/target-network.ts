import type * as tf from '@tensorflow/tfjs-core';
import type { NetworkConfig } from '../nn/config';
import { Denoiser } from '../nn/denoiser';
import { blend, copies } from './ema';
import { restoreTensors, type SavedTensors } from './saved';
import type { TrainableParameters } from './trainable';

/**
 * Consistency distillation's target: an average of the student's parameters over its last steps, which gets no gradient
 * (Song et al. 2023, algorithm 2). What the student keeps frozen is shared.
 */
export class TargetNetwork {
  readonly averages: Map<string, tf.Tensor>;
  readonly denoiser: Denoiser;

  constructor(
    network: NetworkConfig,
    student: TrainableParameters,
    freqs: Float32Array | null,
    /** The share that an average keeps at a step. */
    private readonly decay: number,
    saved?: SavedTensors,
  ) {
    this.averages = copies(student.variables());
    if (saved) restoreTensors(this.averages, saved, 'target.', student);
    const parameters = {
      get: (name: string) => this.averages.get(name) ?? student.get(name),
      dispose: () => {},
    };
    this.denoiser = new Denoiser(network, { parameters, freqs });
  }

  /** After a step of the student. */
  update(variables: ReadonlyMap<string, tf.Variable>): void {
    blend(this.averages, variables, this.decay);
  }

  dispose(): void {
    this.denoiser.dispose();
    for (const tensor of this.averages.values()) tensor.dispose();
    this.averages.clear();
  }
}
