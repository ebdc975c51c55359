import type { Tile } from '../traits';
import type { EndOptions } from './activation';
import type { Unit } from './kernel';
import type { PrologueOptions } from './prologue';

/** What a matrix product is asked for (`contraction.ts`), and what a tile's generator makes of it. */

/**
 * What the rows and factors of a product are.
 *
 *   conv      a tap shifts the pixel a row stands for; borders read zero: convolutions, linear layers
 *   convTransposed  the same from a convolution's result back to its source: input gradients; a workgroup z has one phase
 *             of the stride
 *   winograd  a tap is one of the 16 products of F(2x2, 3x3) (Lavin & Gray 2016); a row is a tile of 2 x 2 pixels
 *   matrix    strided factors per image and head: attention
 */
export type ContractionMode = 'conv' | 'convTransposed' | 'winograd' | 'matrix';

export interface ContractionOptions {
  mode: ContractionMode;
  tile: Tile;
  /** Second factor: float32, float16 packed in pairs along the depth, or with depth contiguous. */
  weights: 'f32' | 'f16' | 'transposed';
  /** Two activations joined along the depth. */
  sources: 1 | 2;
  /** Applied to A as it is read; only shared tiles, which read each value few times. */
  prologue: PrologueOptions | null;
  /** The columns are at most a subgroup's lanes, or 4 for register tiles: the image at the end. */
  narrow: boolean;
  /** What training does to a value last. */
  end?: EndOptions;
}

/** What a tile's generator builds on. */
export interface TileParts extends ContractionOptions {
  /** Element type of A, out and float32 B: indices and strides count these. */
  unit: Unit;
}

/** Rows and columns (in channels) of a workgroup, for the dispatch size. */
export interface TileSize {
  rows: number;
  columns: number;
}

/** Code of a tile: `main` with its loops, and its workgroup. */
export interface TileCode {
  size: TileSize;
  directives?: string;
  body: string;
}
