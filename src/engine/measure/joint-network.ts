import type { Vectors } from '../../measure/distances';
import type { PixelBatch } from './feature-pass';
import type { MeasureNetwork } from './measure-networks';

/** Pixels of an image's side at least, when blocks of them are averaged. */
const LEAST_SIDE = 16;

/**
 * Features with the image itself in small behind them: features may move far with a little noise, of which means of blocks of
 * pixels keep next to nothing.
 */
export interface JointNetwork extends MeasureNetwork {
  /** Where pixels begin; they are as many as `dims` has beyond. */
  readonly split: number;
}

export function withSmallPixels(
  net: MeasureNetwork,
  { channels, resolution }: { channels: number; resolution: number },
): JointNetwork {
  const block = blockOf(resolution);
  const pixels = (resolution / block) ** 2 * channels;
  const dims = net.dims + pixels;
  return {
    dims,
    split: net.dims,
    async run(batch) {
      const features = (await net.run(batch)).get('features')!;
      const small = blockMeans(batch, block);
      const joint = new Float32Array(batch.count * dims);
      for (let n = 0; n < batch.count; n++) {
        joint.set(features.subarray(n * net.dims, (n + 1) * net.dims), n * dims);
        joint.set(small.subarray(n * pixels, (n + 1) * pixels), n * dims + net.dims);
      }
      return new Map([['features', joint]]);
    },
    dispose: () => net.dispose(),
  };
}

/** Columns `from` to `to` of vectors. */
export function columnsOf({ values, dims }: Vectors, from: number, to: number): Vectors {
  const width = to - from;
  const n = values.length / dims;
  const out = new Float32Array(n * width);
  for (let i = 0; i < n; i++) out.set(values.subarray(i * dims + from, i * dims + to), i * width);
  return { values: out, dims: width };
}

/** Side of the blocks: the largest that leaves enough of them. */
function blockOf(resolution: number): number {
  let block = Math.max(1, Math.floor(resolution / LEAST_SIDE));
  while (resolution % block !== 0) block--;
  return block;
}

/** Means of blocks of pixels, [count, side, side, channels]. */
function blockMeans({ values, count, resolution, channels }: PixelBatch, block: number): Float32Array {
  const side = resolution / block;
  const out = new Float32Array(count * side * side * channels);
  for (let n = 0; n < count; n++)
    for (let y = 0; y < resolution; y++)
      for (let x = 0; x < resolution; x++) {
        const from = ((n * resolution + y) * resolution + x) * channels;
        const to = ((n * side + Math.floor(y / block)) * side + Math.floor(x / block)) * channels;
        for (let c = 0; c < channels; c++) out[to + c]! += values[from + c]! / block ** 2;
      }
  return out;
}
