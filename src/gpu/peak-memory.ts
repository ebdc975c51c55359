import * as tf from '@tensorflow/tfjs-core';

/** The part of tfjs's engine that counts bytes; every allocation and every release passes through it. */
interface Counted {
  state: { numBytes: number };
}

/** Most bytes of tensors alive at one time during `task`, all back-ends together. Calls do not nest. */
export async function peakBytes(task: () => Promise<void>): Promise<number> {
  const { state } = tf.engine() as unknown as Counted;
  let bytes = state.numBytes;
  let peak = bytes;
  Object.defineProperty(state, 'numBytes', {
    configurable: true,
    enumerable: true,
    get: () => bytes,
    set(value: number) {
      bytes = value;
      if (value > peak) peak = value;
    },
  });
  try {
    await task();
  } finally {
    Object.defineProperty(state, 'numBytes', {
      configurable: true,
      enumerable: true,
      writable: true,
      value: bytes,
    });
  }
  return peak;
}
