import { readNpz } from '../formats/npz';
import type { Source } from '../formats/source';
import { isRowMajor, readInt32, type TensorRef } from '../formats/tensor';
import { listed, quote } from '../formats/text';
import { badFile, InnateError } from '../lib/errors';
import { BaseSet } from './base-set';
import { type Labels, labelsFrom, UNLABELLED } from './labels';
import { MAX_RESOLUTION } from './options';
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

const IMAGES = ['images', 'image', 'x', 'x_train', 'samples', 'data', 'arr_0'];
const LABELS = ['labels', 'label', 'y', 'y_train', 'arr_1'];

/**
 * Images and labels from numpy arrays: `images` or `x`, uint8 [N, H, W, C], [N, C, H, W] or [N, H, W]; `labels`
 * or `y`, whole numbers [N]. numpy's own names for unnamed arrays count too.
 */
export function npzSet(source: Source): BaseSet {
  const arrays = readNpz(source);
  const where = source.name;
  const [name, images] = pick(arrays, IMAGES) ?? [];
  if (!name || !images)
    throw badFile('the archive has no array of images', {
      where,
      expected: `an array named ${IMAGES.slice(0, 3).join(', ')}`,
      found: listed(arrays.keys()),
    });
  const layout = layoutOf(images, `${where}, ${quote(name)}`);
  const count = images.shape[0]!;
  const bytes = layout.width * layout.height * layout.channels;
  const block: PixelBlock = {
    count,
    pixels: (i) => images.source.read(images.byteOffset + i * bytes, bytes),
  };
  return new ArraySet(where, [block], layout, npzLabels(arrays, count, where));
}

function pick(arrays: ReadonlyMap<string, TensorRef>, names: readonly string[]) {
  for (const name of names) {
    const array = arrays.get(name);
    if (array) return [name, array] as const;
  }
  return null;
}

function layoutOf({ dtype, shape, strides }: TensorRef, where: string): PixelLayout {
  if (dtype !== 'u8' || (strides && !isRowMajor(shape, strides)))
    throw new InnateError('unsupported', 'an array of images of another kind', {
      where,
      expected: 'uint8 in C order',
      found: dtype === 'u8' ? 'Fortran order' : dtype,
      hint: 'Save them with numpy as uint8, 0 to 255',
    });
  const [, a = 0, b = 0, c = 0] = shape;
  const isChannels = (n: number): n is 1 | 3 | 4 => n === 1 || n === 3 || n === 4;
  let layout: PixelLayout | null = null;
  if (shape.length === 3) layout = { height: a, width: b, channels: 1, planar: false };
  else if (shape.length === 4 && isChannels(c)) layout = { height: a, width: b, channels: c, planar: false };
  else if (shape.length === 4 && isChannels(a)) layout = { height: b, width: c, channels: a, planar: true };
  const max = 4 * MAX_RESOLUTION;
  if (!layout || layout.width < 1 || layout.height < 1 || layout.width > max || layout.height > max)
    throw badFile('an array is not one of images', {
      where,
      expected: '[N, H, W, C], [N, C, H, W] or [N, H, W]',
      found: `[${shape.join(', ')}]`,
    });
  return layout;
}

function npzLabels(arrays: ReadonlyMap<string, TensorRef>, count: number, where: string): Labels {
  const [name, labels] = pick(arrays, LABELS) ?? [];
  if (!name || !labels) return UNLABELLED;
  const at = `${where}, ${quote(name)}`;
  const { shape } = labels;
  if (shape[0] !== count || shape.slice(1).some((d) => d !== 1))
    throw new InnateError('mismatch', 'there is not one label an image', {
      where: at,
      expected: `[${count}]`,
      found: `[${shape.join(', ')}]`,
    });
  return labelsFrom(readInt32(labels), null, at);
}
