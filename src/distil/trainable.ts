import * as tf from '@tensorflow/tfjs-core';
import { InnateError } from '../lib/errors';
import { fromHWIO, type TensorParameters, toHWIO } from '../nn/tf/parameters';
import type { WeightSource } from '../nn/weights';

/**
 * Parameters in training: some are variables, the rest constants. In and out they have the published layout,
 * inside the one of the back-end.
 */
export class TrainableParameters implements TensorParameters, WeightSource {
  private readonly tensors = new Map<string, tf.Tensor>();
  private readonly shapes = new Map<string, readonly number[]>();

  constructor(
    initial: Pick<WeightSource, 'shape' | 'read'>,
    names: Iterable<string>,
    private readonly trains: (name: string) => boolean,
  ) {
    for (const name of names) {
      const shape = initial.shape(name);
      if (!shape) continue; // optional
      this.shapes.set(name, shape);
      const tensor = toTensor(initial.read(name), shape);
      if (trains(name)) {
        this.tensors.set(name, tf.variable(tensor, true, undefined)); // names of its own: tfjs's are global
        tensor.dispose();
      } else this.tensors.set(name, tf.keep(tensor));
    }
  }

  get(name: string): tf.Tensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new InnateError('bad-file', 'a parameter is missing', { where: name });
    return tensor;
  }

  /** The trained ones, by published name. */
  variables(): Map<string, tf.Variable> {
    const out = new Map<string, tf.Variable>();
    for (const [name, tensor] of this.tensors) if (this.trains(name)) out.set(name, tensor as tf.Variable);
    return out;
  }

  names(): Iterable<string> {
    return this.shapes.keys();
  }

  shape(name: string): readonly number[] | undefined {
    return this.shapes.get(name);
  }

  /** Published layout; blocks until the back-end has the values. */
  read(name: string): Float32Array {
    return fromTensor(this.get(name).dataSync() as Float32Array, this.shapes.get(name)!);
  }

  /** Published layout, without blocking. */
  async fetch(name: string): Promise<Float32Array> {
    return fromTensor((await this.get(name).data()) as Float32Array, this.shapes.get(name)!);
  }

  /** Published values of one of these parameters (or its moment, or its average) as a tensor. */
  toBackend(name: string, values: Float32Array): tf.Tensor {
    return toTensor(values, this.shapes.get(name)!);
  }

  dispose(): void {
    for (const tensor of this.tensors.values()) tensor.dispose();
    this.tensors.clear();
  }
}

/** A tensor in the back-end's layout from published values. */
export function toTensor(values: Float32Array, shape: readonly number[]): tf.Tensor {
  if (shape.length !== 4) return tf.tensor(values, [...shape]);
  return tf.tensor4d(toHWIO(values, shape), [shape[2]!, shape[3]!, shape[1]!, shape[0]!]);
}

/** Published values from the back-end's layout; `shape` is the published one. */
export const fromTensor = (values: Float32Array, shape: readonly number[]): Float32Array =>
  shape.length === 4 ? fromHWIO(values, shape) : values;
