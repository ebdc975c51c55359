import type { NetworkConfig } from '../src/nn/config';
import { seedClass, seedNoise } from '../src/rng/seeds';

export interface BenchInput {
  /** Unit noise of seeds 0 .. batch - 1, [N, C, R, R]. */
  latents: Float32Array;
  /** sigma times that: the network's input. */
  x: Float32Array;
  /** The seeds' own classes; null for unconditional networks. */
  classes: Int32Array | null;
}

/** The same for every engine, and for PyTorch when the golden outputs were made. */
export function benchInput({ unet }: NetworkConfig, batch: number, sigma: number): BenchInput {
  const size = unet.inChannels * unet.imgResolution ** 2;
  const latents = new Float32Array(batch * size);
  for (let n = 0; n < batch; n++) latents.set(seedNoise(n, size), n * size);
  return {
    latents,
    x: latents.map((z) => z * sigma),
    classes: unet.labelDim ? Int32Array.from({ length: batch }, (_, n) => seedClass(n, unet.labelDim)) : null,
  };
}
