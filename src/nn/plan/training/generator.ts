import type { NetworkConfig } from '../../config';
import { dhariwalUNet } from '../../dhariwal-unet';
import { precondCoefficients } from '../../precond';
import { type Conditioning, songUNet } from '../../song-unet';
import type { GraphOps, Node } from '../graph';
import type { StepOps } from './scope';

/**
 * D(x, sigma, class) of one noise level: the preconditioned U-Net. `x` [R, R, C] an image; `conditioning.noise` is the
 * embedding of c_noise (nn/embedding.ts), which is computed outside.
 */
export function recordDenoiser(
  ops: GraphOps,
  config: NetworkConfig,
  x: Node,
  sigma: number,
  conditioning: Conditioning<Node>,
): Node {
  const { cSkip, cOut, cIn } = precondCoefficients(config, Math.fround(sigma));
  const net = config.unet.modelType === 'SongUNet' ? songUNet : dhariwalUNet;
  const inner = net<Node>(ops, config.unet, ops.scale(x, cIn), conditioning);
  return ops.add(ops.scale(inner, cOut), ops.scale(x, cSkip));
}

/** A noise level of each image, as vectors that are given at each run: coefficients for every channel, and the embedding of c_noise. */
export interface Levels {
  cSkip: Node;
  cOut: Node;
  cIn: Node;
  noise: Node;
}

/** The same at a noise level of each image. */
export function recordDenoiserAt(
  ops: StepOps,
  { unet }: NetworkConfig,
  x: Node,
  { cSkip, cOut, cIn, noise }: Levels,
  labels: Node | null,
): Node {
  const net = unet.modelType === 'SongUNet' ? songUNet : dhariwalUNet;
  const inner = net<Node>(ops, unet, ops.timesVector(x, cIn), { noise, labels });
  return ops.add(ops.timesVector(inner, cOut), ops.timesVector(x, cSkip));
}
