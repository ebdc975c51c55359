import { unetBlocks } from '../nn/blocks';
import type { UNetConfig } from '../nn/config';
import { parameterSpecs } from '../nn/parameters';
import type { Method } from './config';

/**
 * GDD-I's freeze list (D2O-F in the revision): every parameter of a U-Net block whose name contains 'conv' or
 * 'proj'. What trains is norms, affine, qkv and skip layers, the mapping network and the convolutions outside
 * blocks.
 */
export function gddIFrozen(config: UNetConfig): string[] {
  const blocks = new Set(unetBlocks(config).flatMap((b) => (b.kind === 'block' ? [`model.${b.name}`] : [])));
  return parameterSpecs(config)
    .map((spec) => spec.name)
    .filter((name) => {
      const [, block, layer] = /^(model\.(?:enc|dec)\.[^.]+)\.([^.]+)\./.exec(name) ?? [];
      return block !== undefined && blocks.has(block) && /conv|proj/.test(layer!);
    });
}

/** Whether a parameter trains. Buffers and parameters of training-time augmentation never do. */
export function trainedBy(method: Method, config: UNetConfig): (name: string) => boolean {
  const fixed = new Set(method === 'gdd-i' ? gddIFrozen(config) : []);
  for (const spec of parameterSpecs(config)) if (spec.buffer || spec.optional) fixed.add(spec.name);
  return (name) => !fixed.has(name);
}
