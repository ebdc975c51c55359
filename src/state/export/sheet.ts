import type { Pictures } from '../../protocol/exports';

/** One picture of a sheet; null = an empty place. */
interface Tile {
  pixels: Uint8ClampedArray;
  resolution: number;
}

/** Pixels between pictures, and their colour. */
const GAP = 4;
const PAPER = 255;

/** How many times larger the pictures of a sheet are drawn: small ones as large as the page shows them. */
export const sheetScale = (resolution: number): number => Math.max(1, Math.floor(128 / resolution));

export const sheetSize = (
  count: number,
  columns: number,
  side: number,
): { width: number; height: number } => ({
  width: columns * (side + GAP) - GAP,
  height: Math.ceil(count / columns) * (side + GAP) - GAP,
});

/** Pictures of one size in rows, whole pixels, as one. */
export function sheetOf(tiles: readonly (Tile | null)[], columns: number): Pictures {
  const resolution = tiles.find((tile) => tile)?.resolution ?? 1;
  const scale = sheetScale(resolution);
  const side = resolution * scale;
  const { width, height } = sheetSize(tiles.length, columns, side);
  const rgba = new Uint8ClampedArray(4 * width * height).fill(PAPER);
  const out = new Uint32Array(rgba.buffer);
  tiles.forEach((tile, i) => {
    if (tile?.resolution !== resolution) return;
    const pixels = new Uint32Array(tile.pixels.slice().buffer);
    const left = (i % columns) * (side + GAP);
    const top = Math.floor(i / columns) * (side + GAP);
    for (let y = 0; y < side; y++) {
      const row = Math.floor(y / scale) * resolution;
      const to = (top + y) * width + left;
      for (let x = 0; x < side; x++) out[to + x] = pixels[row + Math.floor(x / scale)]!;
    }
  });
  return { width, height, rgba };
}
