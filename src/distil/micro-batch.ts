import * as tf from '@tensorflow/tfjs-core';

/**
 * A batch in parts that fit into memory: gradients add up to the whole batch's. Batch norm and minibatch deviation
 * see one part at a time.
 */
export interface MicroBatch {
  /** Images, or the network's input where it imitates. */
  real: tf.Tensor4D;
  labels: tf.Tensor2D | null;
  /** The part's share of the whole batch, 0 to 1. */
  share: number;
}

/** Slices of at most `size` images; the batch itself when it is no larger. The caller disposes real slices. */
export function microBatches(real: tf.Tensor4D, labels: tf.Tensor2D | null, size: number): MicroBatch[] {
  const total = real.shape[0];
  if (size >= total) return [{ real, labels, share: 1 }];
  const parts: MicroBatch[] = [];
  for (let from = 0; from < total; from += size) {
    const count = Math.min(size, total - from);
    parts.push({
      real: tf.slice4d(real, [from, 0, 0, 0], [count, -1, -1, -1]),
      labels: labels && tf.slice2d(labels, [from, 0], [count, -1]),
      share: count / total,
    });
  }
  return parts;
}

/**
 * Loss and gradients of the whole batch; the caller disposes both. `prepare` makes what a part's loss takes as given:
 * outside the gradient, where nothing is remembered for the way back.
 */
export function accumulate<G extends tf.TensorContainer>(
  parts: readonly MicroBatch[],
  variables: tf.Variable[],
  prepare: (part: MicroBatch, index: number) => G,
  loss: (part: MicroBatch, given: G, index: number) => tf.Scalar,
): { value: tf.Scalar; grads: tf.NamedTensorMap } {
  let grads: tf.NamedTensorMap | null = null;
  const losses: tf.Scalar[] = [];
  for (const [index, part] of parts.entries()) {
    const given = tf.tidy(() => prepare(part, index));
    const step = tf.variableGrads(() => loss(part, given, index), variables);
    tf.dispose(given);
    losses.push(step.value);
    if (parts.length === 1) return step;
    grads = addGradients(grads, step.grads, part.share);
  }
  return { value: weightedMean(losses, parts), grads: grads! };
}

/** total + share * more; both inputs are disposed. */
export function addGradients(
  total: tf.NamedTensorMap | null,
  more: tf.NamedTensorMap,
  share: number,
): tf.NamedTensorMap {
  const out: tf.NamedTensorMap = {};
  for (const [name, gradient] of Object.entries(more)) {
    const before = total?.[name];
    out[name] = tf.tidy(() => {
      const scaled = share === 1 ? tf.clone(gradient) : tf.mul(gradient, share);
      return before ? tf.add(before, scaled) : scaled;
    });
    tf.dispose([gradient, before ?? []]);
  }
  return out;
}

/** The weighted mean of one scalar a part; the scalars are disposed. */
export function weightedMean(values: tf.Scalar[], parts: readonly MicroBatch[]): tf.Scalar {
  const mean = tf.tidy(() => tf.addN(values.map((v, i) => tf.mul(v, parts[i]!.share)))) as tf.Scalar;
  tf.dispose(values);
  return mean;
}
