import * as tf from '@tensorflow/tfjs-core';

interface Held {
  bytes: number;
}

/** The part of tfjs's engine that knows every piece of data, once, however many tensors show it. */
interface Ledger {
  state: { tensorInfo: Pick<WeakMap<object, Held>, 'get' | 'set' | 'delete' | 'has'> };
}

/**
 * Most bytes of data alive at one time during `task`, all back-ends together, and its result. Data that several
 * tensors share (a reshape and what it is of) counts once, as it lies in memory once. Calls do not nest.
 */
export async function peakBytes<T>(task: () => Promise<T>): Promise<{ value: T; bytes: number }> {
  const { tensorInfo } = (tf.engine() as unknown as Ledger).state;
  // Between steps no two tensors share data.
  let bytes = tf.memory().numBytes;
  let peak = bytes;
  const { set, delete: remove } = tensorInfo;
  tensorInfo.set = (id, held) => {
    if (!tensorInfo.has(id)) {
      bytes += held.bytes;
      peak = Math.max(peak, bytes);
    }
    return set.call(tensorInfo, id, held);
  };
  tensorInfo.delete = (id) => {
    const held = tensorInfo.get(id);
    if (held) bytes -= held.bytes;
    return remove.call(tensorInfo, id);
  };
  try {
    return { value: await task(), bytes: peak };
  } finally {
    // The methods of its class again.
    Reflect.deleteProperty(tensorInfo, 'set');
    Reflect.deleteProperty(tensorInfo, 'delete');
  }
}
