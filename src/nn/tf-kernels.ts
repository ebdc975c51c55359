import * as tf from '@tensorflow/tfjs-core';

/**
 * Operations that some back-ends run in a pass or two of their own (src/gpu/tensors/register.ts); elsewhere whoever
 * needs one composes it of TensorFlow.js's.
 */
export type FusedKernel = 'Silu' | 'SiluGradient' | 'GroupNorm' | 'GroupNormGradient' | 'AdamStep' | 'Blend';

export const hasKernel = (name: FusedKernel): boolean => !!tf.getKernel(name, tf.getBackend());

/** Not differentiable by itself: wrap it in tf.customGrad where a gradient is wanted. */
export const runKernel = <R extends tf.Tensor | tf.Tensor[]>(
  name: FusedKernel,
  inputs: Record<string, tf.Tensor>,
  attributes: Record<string, number> = {},
): R => tf.engine().runKernel(name, inputs, attributes) as R;
