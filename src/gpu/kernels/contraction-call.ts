import type { Tile } from '../traits';
import type { Contraction } from './contraction';

/** Uniforms of a contraction that only attention, or only convolutions, set. */
export const PLAIN = {
  kernel: 1,
  stride: 1,
  pad: 0,
  padTop: 0,
  outHeight: 1,
  outWidth: 1,
  inHeight: 1,
  inWidth: 1,
  silu: 0,
  heads: 1,
  aBase: 0,
  aImage: 0,
  aHead: 0,
  bBase: 0,
  bColumn: 1,
  bImage: 0,
  bHead: 0,
  bTap: 0,
  oBase: 0,
  oImage: 0,
  oHead: 0,
  affineChannels: 0,
};

/** Workgroups of a contraction of `rows` x `columns` channels. */
export function gridOf(
  { size }: Contraction,
  rows: number,
  columns: number,
  images = 1,
): [number, number, number] {
  return [Math.ceil(columns / size.columns), Math.ceil(rows / size.rows), images];
}

/** Whether the narrow form of a tile takes in all columns. */
export const isNarrow = (tile: Tile, columns: number): boolean =>
  tile.kind === 'subgroup' ? columns <= tile.lanes : tile.kind === 'register' && columns <= 4;
