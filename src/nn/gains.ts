import * as tf from '@tensorflow/tfjs-core';
import { InnateError } from '../lib/errors';
import { type BlockSpec, unetBlocks } from './blocks';
import type { UNetConfig } from './config';
import type { TensorParameters } from './tf/parameters';

/**
 * Layers whose outputs are a block's contribution: what it adds to its skip path, or all of a convolution outside
 * the blocks. These layers are linear, so scaling their weights and biases scales the contribution exactly.
 */
export function contributingLayers(block: BlockSpec): string[] {
  if (block.kind === 'block')
    return block.heads ? [`${block.name}.conv1`, `${block.name}.proj`] : [`${block.name}.conv1`];
  if (block.kind === 'conv' && block.kernel === 0) return []; // only resampling
  return [block.name];
}

/** Throws `bad-argument` on a block that does not exist. */
export function findBlock(config: UNetConfig, name: string): BlockSpec {
  const blocks = unetBlocks(config);
  const block = blocks.find((b) => b.name === name);
  if (block) return block;
  throw new InnateError('bad-argument', 'this network has no such block', {
    where: name,
    expected: `one of ${blocks.length} blocks such as ${blocks[0]!.name}`,
  });
}

/** Gains by block as factors of parameters, by published name. Throws like `findBlock`. */
export function parameterGains(
  config: UNetConfig,
  gains: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const factors = new Map<string, number>();
  for (const [name, gain] of gains) {
    const block = findBlock(config, name);
    if (gain === 1) continue;
    for (const layer of contributingLayers(block))
      for (const part of ['weight', 'bias']) factors.set(`model.${layer}.${part}`, gain);
  }
  return factors;
}

/** Parameters of which some are scaled at each use; nothing is copied for those that are not. */
export class GainedParameters implements TensorParameters {
  private factors: ReadonlyMap<string, number> = new Map();

  constructor(private readonly base: TensorParameters) {}

  setGains(factors: ReadonlyMap<string, number>): void {
    this.factors = factors;
  }

  get(name: string): tf.Tensor {
    const factor = this.factors.get(name);
    const tensor = this.base.get(name);
    return factor === undefined ? tensor : tf.mul(tensor, factor);
  }

  dispose(): void {
    this.base.dispose();
  }
}
