import * as tf from '@tensorflow/tfjs-core';

/**
 * Operations that some back-ends run in a pass or two of their own (src/gpu/tensors/register.ts); elsewhere whoever
 * needs one composes it of TensorFlow.js's.
 */
export type FusedKernel =
  | 'AdamStep'
  | 'BiasedConv2D'
  | 'Blend'
  | 'GroupNorm'
  | 'GroupNormGradient'
  | 'Resample'
  | 'Silu'
  | 'SiluGradient';

/** Whether the back-end in use has that kernel; else its composition of TensorFlow.js's operations is used. */
export const hasKernel = (name: FusedKernel): boolean => !!tf.getKernel(name, tf.getBackend());

/** Differentiable where a gradient is registered (BiasedConv2D, Resample: ./gradients); else wrap it in tf.customGrad. */
export const runKernel = <R extends tf.Tensor | tf.Tensor[]>(
  name: FusedKernel,
  inputs: Record<string, tf.Tensor>,
  attributes: Record<string, number | string | number[]> = {},
): R => tf.engine().runKernel(name, inputs, attributes) as R;
