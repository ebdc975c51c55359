import type { NetworkConfig } from '../src/nn/config';
import { noiseEmbedding } from '../src/nn/embedding';
import { precondCoefficients } from '../src/nn/precond';

/** What a bare U-Net takes, and how its output becomes D(x, sigma). All arrays flat, NCHW. */
export interface Preconditioned {
  /** c_in x. */
  x: Float32Array;
  /** [N, E] */
  noise: Float32Array;
  /** One-hot [N, L]; null for unconditional networks. */
  labels: Float32Array | null;
  /** c_skip x + c_out F. */
  denoised(f: Float32Array): Float32Array;
}

/** The part of D(x, sigma) around the network, for engines that only run networks. */
export function precondition(
  config: NetworkConfig,
  freqs: Float32Array | null,
  x: Float32Array,
  sigma: number,
  classes: Int32Array | null,
): Preconditioned {
  const { unet } = config;
  const batch = x.length / (unet.inChannels * unet.imgResolution ** 2);
  const { cIn, cSkip, cOut, cNoise } = precondCoefficients(config, Math.fround(sigma));
  const labels = unet.labelDim ? new Float32Array(batch * unet.labelDim) : null;
  if (labels && classes) for (const [n, k] of classes.entries()) labels[n * unet.labelDim + k] = 1;
  return {
    x: x.map((v) => v * cIn),
    noise: noiseEmbedding(unet, new Array(batch).fill(cNoise), freqs),
    labels,
    denoised: (f) => f.map((v, i) => cSkip * x[i]! + cOut * v),
  };
}
