import type { PixelImage } from '../../lib/image-grid';
import type { NearestResult } from '../../protocol/measure';

const COLUMNS = 4;
const GAP = 8;

/** The closest pairs in a grid, generated left and training image right, at twice their size; RGB. */
export function pairsSheet({ images, resolution }: Pick<NearestResult, 'images' | 'resolution'>): PixelImage {
  const side = 2 * resolution;
  const rows = Math.ceil(images.length / COLUMNS);
  const width = COLUMNS * (2 * side + GAP) - GAP;
  const height = Math.max(1, rows) * (side + GAP) - GAP;
  const data = new Uint8Array(3 * width * height).fill(255);
  for (const [i, { pixels, near }] of images.entries()) {
    const left = (i % COLUMNS) * (2 * side + GAP);
    const top = Math.floor(i / COLUMNS) * (side + GAP);
    for (const [k, rgba] of [pixels, near[0]?.pixels].entries()) {
      if (!rgba) continue;
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++) {
          const from = 4 * ((y >> 1) * resolution + (x >> 1));
          const to = 3 * ((top + y) * width + left + k * side + x);
          for (let c = 0; c < 3; c++) data[to + c] = rgba[from + c]!;
        }
    }
  }
  return { width, height, data };
}
