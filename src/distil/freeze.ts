import type { UNetConfig } from '../nn/config';
import { parameterSpecs } from '../nn/parameters';
import type { DistilConfig, FreezeLevel } from './config';

/** Parts of a U-Net block that a level freezes (train.py --freeze of Zyriix/D2O). */
const FROZEN_PARTS: Readonly<Record<FreezeLevel, RegExp | null>> = {
  0: null,
  1: /conv|proj/,
  2: /conv|proj|qkv/,
  3: /conv|proj|qkv|skip/,
};

/** The published rule for what is part of a block: encoder and decoder, the down and up blocks and in0, in1. */
const IN_BLOCK = /block|up|down|in/;

/**
 * Parameters that keep the teacher's values. Level 1 is GDD-I (D2O-F in the revision): what trains is norms, affine,
 * qkv and skip layers, the mapping network and the convolutions outside blocks.
 */
export function frozenAt(level: FreezeLevel, config: UNetConfig): string[] {
  const parts = FROZEN_PARTS[level];
  return parameterSpecs(config)
    .filter(({ name, buffer }) => !buffer && parts !== null && IN_BLOCK.test(name) && parts.test(name))
    .map(({ name }) => name);
}

/** The level of a run: as chosen, else the method's own. */
export const freezeLevel = ({ method, freeze }: Pick<DistilConfig, 'method' | 'freeze'>): FreezeLevel =>
  freeze ?? (method === 'gdd-i' ? 1 : 0);

/** Whether a parameter trains. Buffers and parameters of training-time augmentation never do. */
export function trainedBy(
  choice: Pick<DistilConfig, 'method' | 'freeze'>,
  config: UNetConfig,
): (name: string) => boolean {
  const fixed = new Set(frozenAt(freezeLevel(choice), config));
  for (const spec of parameterSpecs(config)) if (spec.buffer || spec.optional) fixed.add(spec.name);
  return (name) => !fixed.has(name);
}
