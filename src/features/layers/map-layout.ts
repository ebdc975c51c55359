import type { Ramps } from '../../ui/ramp';
import type { MapModel } from './map-model';

/** Height of a row of the map, in pixels. */
export const ROW = 17;
/** Height of the gap before the decoder, in pixels. */
export const GAP = 8;

/** Where the rows of a map are, in pixels from its top. */
export interface MapLayout {
  height: number;
  top: (row: number) => number;
}

export interface DrawProps extends MapLayout {
  model: MapModel;
  ramps: Ramps;
}

/** `split` is the index of the first decoder row. */
export function mapLayout(rows: number, split: number): MapLayout {
  const gap = split > 0 ? GAP : 0;
  return { height: rows * ROW + gap, top: (row) => row * ROW + (row >= split ? gap : 0) };
}
