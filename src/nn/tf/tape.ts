import * as tf from '@tensorflow/tfjs-core';

/**
 * Runs `work` beside the gradient that is being recorded: nothing of it is remembered for the way back, and it may take
 * gradients of its own, which are freed at its end. TensorFlow.js records all gradients that are taken inside one
 * another on one tape, and holds what they saved until the outermost ends. What is to outlive `work` has to be kept.
 */
export function offTape<T extends tf.TensorContainer>(work: () => T): T {
  const { state } = tf.engine();
  const { activeTape, gradientDepth } = state;
  state.gradientDepth = 0;
  try {
    return tf.tidy(work);
  } finally {
    state.activeTape = activeTape;
    state.gradientDepth = gradientDepth;
  }
}
