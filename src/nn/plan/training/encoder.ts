import type { NetworkConfig } from '../../config';
import { dhariwalEncoder } from '../../dhariwal-unet';
import { songEncoder } from '../../song-unet';
import { collectTaps, type Node, vectorShape } from '../graph';
import type { FeatureInput } from './settings';

/**
 * The teacher's encoder as a feature network (nn/features/teacher-encoder.ts): its `blocks` of images that are noised at a
 * level of their own. Given of each image: `noise`, scaled; c_in of its level for every channel; the embedding, `level`.
 */
export function encoderMaps(
  { ops, x, input, labels }: FeatureInput,
  { unet }: NetworkConfig,
  blocks: readonly string[],
): Node[] {
  const noisy = ops.add(x, input('noise', x.shape));
  const scaled = ops.timesVector(noisy, input('cIn', vectorShape(x.shape.channels)));
  const noise = input('level', vectorShape(unet.modelChannels * unet.channelMultNoise));
  const { tap, nodes } = collectTaps();
  const encode = unet.modelType === 'SongUNet' ? songEncoder : dhariwalEncoder;
  encode<Node>(ops, unet, scaled, { noise, labels }, tap);
  return blocks.map((name) => nodes.get(name)!);
}
