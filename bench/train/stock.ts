import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';

/** TensorFlow.js's own gradients of convolutions, taken before the trainer's modules put theirs in their place. */
export const STOCK_GRADIENTS: readonly tf.GradConfig[] = ['Conv2D', 'DepthwiseConv2dNative'].map((name) =>
  tf.getGradient(name),
);
