import { BaseSet } from './base-set';
import type { Labels } from './labels';
import type { Picture } from './types';

/** Pixels of equal pictures, one after the other. */
export interface PixelBlock {
  readonly count: number;
  /** Bytes of picture i, `width * height * channels` of them. */
  pixels(i: number): Uint8Array;
}

export interface PixelLayout {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
  /** [C, H, W] when true, [H, W, C] otherwise. */
  readonly planar: boolean;
}

/** Pictures that are stored as plain bytes. */
export class ArraySet extends BaseSet {
  readonly size: number;

  constructor(
    name: string,
    private readonly blocks: readonly PixelBlock[],
    private readonly layout: PixelLayout,
    labels: Labels,
  ) {
    super(name, labels);
    this.size = blocks.reduce((sum, block) => sum + block.count, 0);
  }

  protected nameOf(i: number): string {
    return `image ${i}`;
  }

  protected async picture(i: number): Promise<Picture> {
    const { width, height, channels, planar } = this.layout;
    let rest = i;
    for (const block of this.blocks) {
      if (rest < block.count)
        return {
          width,
          height,
          channels,
          data: block.pixels(rest),
          offset: 0,
          stepX: planar ? 1 : channels,
          stepY: planar ? width : width * channels,
          stepC: planar ? width * height : 1,
        };
      rest -= block.count;
    }
    throw new Error('an index beyond the blocks');
  }
}
