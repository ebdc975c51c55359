import * as tf from '@tensorflow/tfjs-core';
import { InnateError } from '../../lib/errors';
import type { WeightSource } from '../weights';

/** Named tensors as `TfOps` wants them: convolutions as HWIO, everything else as published. */
export interface TensorParameters {
  get(name: string): tf.Tensor;
  dispose(): void;
}

/**
 * The parameters of one network as TensorFlow.js tensors: convolutions as HWIO, linear layers as published.
 * Tensors are made on first use. Up to `budgetBytes` of them stay; beyond that a tensor lives only as long as
 * the surrounding tidy, so that a network far larger than memory still runs, reading its file as it goes.
 */
export class TfParameters implements TensorParameters {
  private readonly resident = new Map<string, tf.Tensor>();
  private residentBytes = 0;

  constructor(
    private readonly source: WeightSource,
    private readonly budgetBytes = Number.POSITIVE_INFINITY,
    /** Copies that the back-end keeps of a convolution's weights (wasm packs them once more). */
    private readonly copies = 1,
  ) {}

  get(name: string): tf.Tensor {
    const kept = this.resident.get(name);
    if (kept) return kept;
    const shape = this.source.shape(name);
    if (!shape) throw new InnateError('bad-file', 'a parameter is missing', { where: name });
    const values = this.source.read(name);
    const tensor =
      shape.length === 4
        ? tf.tensor4d(toHWIO(values, shape), [shape[2]!, shape[3]!, shape[1]!, shape[0]!])
        : tf.tensor(values, [...shape]);
    const bytes = values.byteLength * this.copies;
    if (this.residentBytes + bytes <= this.budgetBytes) {
      this.residentBytes += bytes;
      this.resident.set(name, tf.keep(tensor));
    }
    return tensor;
  }

  dispose(): void {
    for (const tensor of this.resident.values()) tensor.dispose();
    this.resident.clear();
    this.residentBytes = 0;
  }
}

/** OIHW to HWIO. */
export function toHWIO(values: Float32Array, shape: readonly number[]): Float32Array {
  const [outC, inC, h, w] = shape as [number, number, number, number];
  const area = h * w;
  const out = new Float32Array(values.length);
  for (let o = 0; o < outC; o++)
    for (let i = 0; i < inC; i++) {
      const from = (o * inC + i) * area;
      for (let k = 0; k < area; k++) out[(k * inC + i) * outC + o] = values[from + k]!;
    }
  return out;
}

/** HWIO to OIHW. */
export function fromHWIO(values: Float32Array, shape: readonly number[]): Float32Array {
  const [outC, inC, h, w] = shape as [number, number, number, number];
  const area = h * w;
  const out = new Float32Array(values.length);
  for (let o = 0; o < outC; o++)
    for (let i = 0; i < inC; i++) {
      const to = (o * inC + i) * area;
      for (let k = 0; k < area; k++) out[to + k] = values[(k * inC + i) * outC + o]!;
    }
  return out;
}
