import type { Dataset } from '../../src/data';

/** A set without labels whose image i has the bytes of `pixels(i)`: as much of one as engine and method ask for. */
export const imageSet = (
  { size, resolution, channels }: Pick<Dataset, 'size' | 'resolution' | 'channels'>,
  pixels: (i: number) => Uint8Array,
): Dataset => ({
  ...{ name: 'made up', size, resolution, channels },
  labelDim: 0,
  classes: null,
  read: async (i) => ({ pixels: pixels(i), label: null }),
  label: () => null,
  skipped: [],
  imagesRead: 0,
  notes: [],
  sizes: [],
});
