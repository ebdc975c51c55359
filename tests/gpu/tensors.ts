import * as tf from '@tensorflow/tfjs-core';
import type { KernelTraits } from '../../src/gpu/traits';

const base = { reason: 'test', reducers: 64, subgroupReduce: false } as const;

/** Every form of the kernels on tensors; small tiles compile faster. */
export const TENSOR_TILINGS: Record<string, KernelTraits | null> = {
  "the adapter's own": null,
  register: { ...base, tile: { kind: 'register', rows: 4, vectors: 1 }, unit: 'vec4f', winograd: true },
  shared: {
    ...base,
    tile: { kind: 'shared', rows: 2, vectors: 1, arithmetic: 'f16' },
    unit: 'vec4f',
    winograd: false,
  },
};

/**
 * Leaves buffers full of NaN, of the sizes that tensors of `counts` floats take, for TensorFlow.js to give out
 * again: what a kernel does not write shows.
 */
export function poisonTensors(counts: readonly number[]): void {
  for (const count of counts) {
    const poison = tf.tensor1d(new Float32Array(count).fill(Number.NaN));
    tf.dispose([poison, tf.neg(poison)]);
  }
}
