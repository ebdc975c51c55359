import * as tf from '@tensorflow/tfjs-core';
import type { WeightSource } from '../nn/weights';
import type { TrainableParameters } from './trainable';

/** A tensor of a run's state, in the published layout. */
export interface StateTensor {
  shape: readonly number[];
  values: Float32Array;
}

/** Tensors of a saved state (see state.ts). */
export type SavedTensors = Pick<WeightSource, 'shape' | 'read'>;

/** The tensors of a saved state that begin with `prefix`, by their names without it. */
export const prefixed = (saved: SavedTensors, prefix: string): SavedTensors => ({
  shape: (name) => saved.shape(prefix + name),
  read: (name) => saved.read(prefix + name),
});

/** `saved` where it has a tensor of that prefix, else `start`. */
export const overlay = (
  start: WeightSource,
  saved: SavedTensors | undefined,
  prefix: string,
): SavedTensors => ({
  shape: (name) => start.shape(name),
  read: (name) => (saved?.shape(prefix + name) ? saved.read(prefix + name) : start.read(name)),
});

/** Moments or averages of the trained parameters, from a saved state into `store`. */
export function restoreTensors(
  store: Map<string, tf.Tensor>,
  saved: SavedTensors,
  prefix: string,
  parameters: TrainableParameters,
): void {
  for (const name of parameters.variables().keys()) {
    if (!saved.shape(prefix + name)) continue;
    const values = parameters.toBackend(name, saved.read(prefix + name));
    store.get(name)?.dispose();
    store.set(name, tf.keep(values));
  }
}
