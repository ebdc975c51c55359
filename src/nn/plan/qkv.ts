/**
 * Published attention interleaves q, k and v along the channels (head, channel of the head, q|k|v: reshape of
 * AttentionOp in NVlabs/edm's networks.py); kernels read all q, then all k, then all v. The result says for each
 * stored channel which published one it is; `channels` is a multiple of 3.
 */
export function separatedOrder(channels: number): number[] {
  const third = channels / 3;
  return Array.from({ length: channels }, (_, i) => (i % third) * 3 + Math.floor(i / third));
}

/** Rows of parameters, [channels, ...] in the published order, to the stored order. */
export function separateQkv(values: Float32Array, channels: number): Float32Array {
  const size = values.length / channels;
  const out = new Float32Array(values.length);
  for (const [to, from] of separatedOrder(channels).entries())
    out.set(values.subarray(from * size, (from + 1) * size), to * size);
  return out;
}

/** Activations [rows, channels] in the stored order to the published one. */
export function interleaveQkv(values: Float32Array, channels: number): Float32Array {
  const order = separatedOrder(channels);
  const out = new Float32Array(values.length);
  for (let row = 0; row < values.length; row += channels)
    for (let i = 0; i < channels; i++) out[row + order[i]!] = values[row + i]!;
  return out;
}
