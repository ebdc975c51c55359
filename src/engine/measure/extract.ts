import { toNHWC } from '../../nn/denoiser';
import type { MeasureNetwork } from './measure-networks';

/** Images [n, channels, R, R] in [-1, 1], flat. */
export interface ImageBlock {
  values: Float32Array;
  channels: number;
  resolution: number;
}

/** Images of one pass: what Inception's first layers hold of them at 299 is some 20 MB each. */
const BATCH = 50;
const INCEPTION_BATCH = 8;

export interface Extracted {
  /** [n, dims]. */
  features: Float32Array;
  /** [n, classes], of a network that has them. */
  logits: Float32Array | null;
}

/** Features of images of any number, a few at a time. `breathe` runs before each pass. */
export async function extract(
  net: MeasureNetwork,
  { values, channels, resolution }: ImageBlock,
  { logits = false, breathe }: { logits?: boolean; breathe?: (() => Promise<void>) | undefined } = {},
): Promise<Extracted> {
  const size = channels * resolution ** 2;
  const n = values.length / size;
  const classes = logits ? (net.classes ?? 0) : 0;
  const out: Extracted = {
    features: new Float32Array(n * net.dims),
    logits: classes > 0 ? new Float32Array(n * classes) : null,
  };
  const step = net.classes === undefined ? BATCH : INCEPTION_BATCH;
  for (let from = 0; from < n; from += step) {
    await breathe?.();
    const count = Math.min(step, n - from);
    const part = values.subarray(from * size, (from + count) * size);
    const pixels = toNHWC(part, count, channels, resolution ** 2);
    const found = await net.run({ values: pixels, count, channels, resolution });
    out.features.set(found.get('features')!, from * net.dims);
    if (out.logits) out.logits.set(found.get('logits')!, from * classes);
  }
  return out;
}

/** A network's images as they would be shown: rounded to bytes, in [-1, 1] again. In place. */
export function asShown(images: Float32Array): Float32Array {
  for (let i = 0; i < images.length; i++)
    images[i] = Math.floor(Math.min(255, Math.max(0, Math.fround(images[i]! * 127.5 + 128)))) / 127.5 - 1;
  return images;
}
