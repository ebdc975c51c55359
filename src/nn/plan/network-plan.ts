import { InnateError } from '../../lib/errors';
import type { UNetConfig } from '../config';
import { dhariwalUNet } from '../dhariwal-unet';
import { contributingLayers, findBlock } from '../gains';
import { songUNet } from '../song-unet';
import type { WeightSource } from '../weights';
import { fuse } from './fuse';
import { collectTaps, GraphOps, type Node } from './graph';
import type { Plan } from './steps';

/** Name of the network's result among a plan's outputs. */
export const RESULT = 'F';
/** Name of a block's sums of squares among a plan's results: its value may be one too. */
export const squaresOf = (block: string): string => `${block} squares`;

export interface PlanOptions {
  /** Blocks, or parts of blocks, whose values are outputs. */
  keep?: readonly string[];
  /** Blocks whose sums of squares are wanted. */
  observe?: readonly string[];
  /** False: the plan ends at the last of these values, and everything behind it is left out. */
  result?: boolean;
  /** Blocks whose gains are given at each run. */
  gains?: readonly string[];
}

/**
 * The fused steps of a U-Net F(image, noise, labels). Whatever is kept or observed exists as a value of its own;
 * everything else stays fused. Throws `unsupported` for widths that are not multiples of 4, which no published
 * network has, and `bad-argument` for names that it does not have.
 */
export function planNetwork(
  config: UNetConfig,
  weights: Pick<WeightSource, 'shape'>,
  { keep = [], observe = [], result: whole = true, gains = [] }: PlanOptions = {},
): Plan {
  if (config.modelChannels % 4 !== 0)
    throw new InnateError('unsupported', 'this network cannot be planned', {
      expected: 'channels in multiples of 4',
      found: `${config.modelChannels} channels`,
    });
  const ops = new GraphOps((name) => weights.shape(name), { gains: gainedLayers(config, gains) });
  const { imgResolution: size, inChannels, modelChannels, channelMultNoise, labelDim } = config;
  const vector = (channels: number) => ({ height: 0, width: 0, channels });
  const image = ops.input('image', { height: size, width: size, channels: inChannels });
  const noise = ops.input('noise', vector(modelChannels * channelMultNoise));
  const labels = labelDim ? ops.input('labels', vector(labelDim)) : null;
  const { tap, nodes } = collectTaps();
  const net = config.modelType === 'SongUNet' ? songUNet : dhariwalUNet;
  const result = net<Node>(ops, config, image, { noise, labels }, tap);

  const find = (name: string): Node => {
    const node = nodes.get(name);
    if (node) return node;
    throw new InnateError('bad-argument', 'no such block', {
      found: name,
      expected: [...nodes.keys()].slice(0, 3).join(', '),
    });
  };
  const outputs = new Map<string, Node>(whole ? [[RESULT, result]] : []);
  for (const name of keep) outputs.set(name, find(name));
  return fuse(outputs, new Map(observe.map((name) => [squaresOf(name), find(name)])));
}

/** Layers whose outputs gains scale, by parameter prefix, and their blocks. */
function gainedLayers(config: UNetConfig, blocks: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    blocks.flatMap((name) =>
      contributingLayers(findBlock(config, name)).map((layer) => [`model.${layer}`, name] as const),
    ),
  );
}
