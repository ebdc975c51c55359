/** Where the parts of a U-Net stand, by their published names: one reading for everything that draws or counts them. */

export type Side = 'mapping' | 'encoder' | 'decoder';

export interface Place {
  side: Side;
  /** "enc.32x32_block0"; of the mapping network "map"; ADM's last two layers have names of their own. */
  block: string;
  /** Height and width of the block's output, pixels; null in the mapping network and in ADM's last layers. */
  resolution: number | null;
  /** "conv0"; null where the block is of one piece, and for a block as a whole. */
  layer: string | null;
}

/** The place of a parameter, a layer or a block: "model.enc.32x32_block0.conv0.weight", with or without its ends. */
export function placeOf(name: string): Place {
  const [first = '', second, third] = name.replace(/^model\.|\.(?:weight|bias)$/g, '').split('.');
  if (first.startsWith('map')) return { side: 'mapping', block: 'map', resolution: null, layer: first };
  // ADM's last norm and convolution stand behind its decoder.
  if (second === undefined || (first !== 'enc' && first !== 'dec'))
    return { side: 'decoder', block: first, resolution: null, layer: null };
  const resolution = /^(\d+)x\d+/.exec(second)?.[1];
  return {
    side: first === 'enc' ? 'encoder' : 'decoder',
    block: `${first}.${second}`,
    resolution: resolution === undefined ? null : Number(resolution),
    layer: third ?? null,
  };
}

/** All blocks of a side at one resolution, in the form of a name: "enc.32x32_*", which `--freeze` takes too. */
export const resolutionGlob = (side: Side, resolution: number): string =>
  `${side.slice(0, 3)}.${resolution}x${resolution}_*`;

/** A block, or all blocks of a side at one resolution, in a sentence: "enc.32x32_block0", "encoder at 32 × 32". */
export function blockText(block: string): string {
  if (block === 'map') return 'the mapping network';
  const { side, name } = blockWords(block);
  return block.endsWith('_*') ? `${side}oder at ${name}` : block;
}

/** A block's name as a map writes it, its side apart; of a glob over a resolution "32 × 32". */
export function blockWords(block: string): { side: string; name: string } {
  if (block === 'map') return { side: '', name: 'mapping' };
  const [, side = '', name = block] = /^(enc|dec)\.(.+)$/.exec(block) ?? [];
  return { side, name: name.replace(/^(\d+)x(\d+)_\*$/, '$1 × $2') };
}
