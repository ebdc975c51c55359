import { InnateError } from '../../lib/errors';
import type { UNetConfig } from '../config';
import { dhariwalUNet } from '../dhariwal-unet';
import { songUNet } from '../song-unet';
import type { WeightSource } from '../weights';
import { fuse } from './fuse';
import { collectTaps, GraphOps, type Node } from './graph';
import type { Plan } from './steps';

/** Name of the network's result among a plan's outputs. */
export const RESULT = 'F';

/**
 * The fused steps of a U-Net F(image, noise, labels). `keep`: blocks, or parts of blocks, whose values are outputs
 * too; `observe`: blocks whose sums of squares are wanted. Throws `unsupported` for widths that are not multiples
 * of 4, which no published network has.
 */
export function planNetwork(
  config: UNetConfig,
  weights: Pick<WeightSource, 'shape'>,
  { keep = [], observe = [] }: { keep?: readonly string[]; observe?: readonly string[] } = {},
): Plan {
  if (config.modelChannels % 4 !== 0)
    throw new InnateError('unsupported', 'this network cannot be planned', {
      expected: 'channels in multiples of 4',
      found: `${config.modelChannels} channels`,
    });
  const ops = new GraphOps((name) => weights.shape(name));
  const { imgResolution: size, inChannels, modelChannels, channelMultNoise, labelDim } = config;
  const vector = (channels: number) => ({ height: 0, width: 0, channels });
  const image = ops.input('image', { height: size, width: size, channels: inChannels });
  const noise = ops.input('noise', vector(modelChannels * channelMultNoise));
  const labels = labelDim ? ops.input('labels', vector(labelDim)) : null;
  const { tap, nodes } = collectTaps();
  const net = config.modelType === 'SongUNet' ? songUNet : dhariwalUNet;
  const result = net<Node>(ops, config, image, { noise, labels }, tap);

  const outputs = new Map([[RESULT, result]]);
  const find = (name: string): Node => {
    const node = nodes.get(name);
    if (node) return node;
    throw new InnateError('bad-argument', 'no such block', {
      found: name,
      expected: [...nodes.keys()].slice(0, 3).join(', '),
    });
  };
  for (const name of keep) outputs.set(name, find(name));
  return fuse(outputs, new Map(observe.map((name) => [name, find(name)])));
}
