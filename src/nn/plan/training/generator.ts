import type { NetworkConfig } from '../../config';
import { dhariwalUNet } from '../../dhariwal-unet';
import { precondCoefficients } from '../../precond';
import { type Conditioning, songUNet } from '../../song-unet';
import type { GraphOps, Node } from '../graph';

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
