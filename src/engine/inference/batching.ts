import { unetBlocks } from '../../nn/blocks';
import type { NetworkConfig } from '../../nn/config';

/** Stays below the smallest storage binding in use (128 MiB on lavapipe and by WebGPU's default). */
const BYTES_PER_TENSOR = 2 ** 26;

/** How many images fit one forward pass: by the network's largest activation or attention matrix. */
export function batchSize(config: NetworkConfig, limit = 32): number {
  let largest = 0;
  for (const b of unetBlocks(config.unet)) {
    const pixels = b.resolution ** 2;
    largest = Math.max(largest, 4 * pixels * Math.max(b.inChannels, b.outChannels));
    // The filters of resampling blocks see the larger side.
    if (b.kind !== 'norm' && b.resample === 'down') largest = Math.max(largest, 16 * pixels * b.inChannels);
    if (b.kind === 'block' && b.heads) largest = Math.max(largest, 4 * pixels ** 2 * b.heads);
  }
  return Math.max(1, Math.min(limit, Math.floor(BYTES_PER_TENSOR / largest)));
}
