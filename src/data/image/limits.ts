import { badFile, InnateError } from '../../lib/errors';

/** 8192 x 4096: larger than any camera picture of a data set, and 134 MB as RGBA. */
export const MAX_PIXELS = 2 ** 25;
export const MAX_SIDE = 32_768;

/** What a decoder would have to allocate for, learnt without decoding. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Throws an InnateError for a picture of no size, or of more than `maxPixels`: before anything is allocated. */
export function checkSize({ width, height }: Size, where: string, maxPixels = MAX_PIXELS): void {
  if (!(width > 0 && height > 0))
    throw badFile('the image has no size', { where, found: `${width} x ${height}` });
  if (width > MAX_SIDE || height > MAX_SIDE || width * height > maxPixels)
    throw new InnateError('refused', 'the image is too large', {
      where,
      expected: `at most ${maxPixels} pixels`,
      found: `${width} x ${height}`,
    });
}

export const cutOff = (where: string): InnateError => badFile('the image ends too early', { where });
