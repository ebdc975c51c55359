import * as tf from '@tensorflow/tfjs-core';
import { checkDevice } from '../gpu/backends';
import { unetBlocks } from '../nn/blocks';
import type { Denoiser } from '../nn/denoiser';
import { batchSize } from './batching';
import { type Batch, imageSize } from './sampling';

export interface BlockActivations {
  /** "enc.32x32_block0". */
  name: string;
  resolution: number;
  channels: number;
  /** Per sigma: mean over the samples of each sample's own root mean square. */
  rms: number[];
  /** Per sigma, per sample: sqrt(mean(x^2)) over channels and pixels of the block's output. */
  rmsPerSample: number[][];
}

export interface Activations {
  model: string;
  sigmas: number[];
  blocks: BlockActivations[];
}

/**
 * How strongly every block of the network answers at every noise level: D(latents * sigma, sigma) is
 * evaluated once per level and the block outputs are measured on the way.
 */
export async function inspectActivations(
  denoiser: Denoiser,
  model: string,
  batch: Batch,
  sigmas: readonly number[],
  onProgress?: (done: number, total: number) => void,
): Promise<Activations> {
  const { config } = denoiser;
  const blocks: BlockActivations[] = unetBlocks(config.unet).map((b) => ({
    name: b.name,
    resolution: b.resolution,
    channels: b.outChannels,
    rms: [],
    rmsPerSample: sigmas.map(() => []),
  }));
  const byName = new Map(blocks.map((b) => [b.name, b]));
  const size = imageSize(config);
  const count = batch.latents.length / size;
  const step = batchSize(config);

  for (const [level, sigma] of sigmas.entries()) {
    for (let from = 0; from < count; from += step) {
      onProgress?.(level * count + from, sigmas.length * count);
      const n = Math.min(step, count - from);
      const measured = new Map<string, tf.Tensor>();
      const x = batch.latents.subarray(from * size, (from + n) * size).map((z) => z * sigma);
      await denoiser.denoise(x, sigma, batch.classes?.subarray(from, from + n) ?? null, (name, value) => {
        if (byName.has(name)) measured.set(name, tf.keep(rootMeanSquare(value)));
      });
      for (const [name, tensor] of measured) {
        byName.get(name)!.rmsPerSample[level]!.push(...(await tensor.data()));
        tensor.dispose();
      }
    }
  }
  checkDevice();
  for (const block of blocks)
    block.rms = block.rmsPerSample.map((values) => values.reduce((a, b) => a + b, 0) / values.length);
  onProgress?.(sigmas.length * count, sigmas.length * count);
  return { model, sigmas: [...sigmas], blocks };
}

/** [N, H, W, C] to [N]. */
const rootMeanSquare = (x: tf.Tensor): tf.Tensor =>
  tf.tidy(() => tf.sqrt(tf.mean(tf.square(tf.reshape(x, [x.shape[0]!, -1])), 1)));
