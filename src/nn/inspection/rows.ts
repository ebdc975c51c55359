import type { Row } from '../../lib/activations';
import { type BlockSpec, blockStyle, unetBlocks } from '../blocks';
import type { UNetConfig } from '../config';

/** Every block of a network in the order of execution, each followed by its parts where they are asked for. */
export function inspectionRows(config: UNetConfig, parts: boolean): Row[] {
  const { adaptiveScale } = blockStyle(config);
  return unetBlocks(config).flatMap((block) => {
    const { name, resolution, outChannels: channels } = block;
    const whole: Row = { name, block: name, part: null, resolution, channels };
    return parts ? [whole, ...partsOf(block, adaptiveScale)] : [whole];
  });
}

function partsOf(block: BlockSpec, adaptiveScale: boolean): Row[] {
  if (block.kind !== 'block') return [];
  const { name, resolution, inChannels, outChannels } = block;
  const before = { none: resolution, up: resolution / 2, down: resolution * 2 }[block.resample];
  const row = (part: string, size: number, channels: number): Row => ({
    name: `${name}.${part}`,
    block: name,
    part,
    resolution: size,
    channels,
  });
  return [
    row('norm0', before, inChannels),
    row('conv0', resolution, outChannels),
    row('affine', 1, outChannels * (adaptiveScale ? 2 : 1)),
    row('norm1', resolution, outChannels),
    row('conv1', resolution, outChannels),
    row('skip', resolution, outChannels),
    ...(block.heads
      ? [
          row('norm2', resolution, outChannels),
          row('qkv', resolution, 3 * outChannels),
          row('proj', resolution, outChannels),
        ]
      : []),
  ];
}
