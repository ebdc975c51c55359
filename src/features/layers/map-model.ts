import type { Cell, Row } from '../../lib/activations';
import { placeOf } from '../../lib/network-place';
import type { Findings } from '../../state/layers/store';
import {
  cellIn,
  changesByRow,
  colourRange,
  type Likest,
  likest,
  meanAt,
  type Range,
  ratioAt,
  shownRows,
  within,
} from '../../state/layers/summary';
import type { LayersView } from '../../state/layers/view';
import { type MapLayout, mapLayout } from '../../ui/network-map/layout';
import type { Ramps } from '../../ui/ramp';

/** One row of the map as it is drawn, on screen and in files. */
export interface MapRow {
  /** Index in the findings. */
  index: number;
  row: Row;
  /** 0 to 1 by level; null where nothing is measured. */
  shades: (number | null)[];
  range: Range | null;
  student: { value: number; shade: number } | null;
  /** Student over teacher at the student's start sigma. */
  ratio: number | null;
  /** Relative L2 of its weights; null without a student. */
  change: number | null;
  /** Share of its parameters that GDD-I freezes. */
  frozen: number | null;
  likest: Likest | null;
}

export interface MapModel {
  rows: MapRow[];
  sigmas: readonly number[];
  /** The range of all shown rows, for the legend; null where each row has its own. */
  range: Range | null;
  /** Largest weight change, for the bars. */
  mostChange: number;
}

export function mapModel(
  findings: Findings,
  view: Pick<LayersView, 'quantity' | 'scale' | 'open'>,
): MapModel {
  const { rows, sigmas, student, weights, likeness } = findings;
  const { quantity, scale } = view;
  const read = (row: number, level: number) => meanAt(findings, quantity, row, level);
  const changes = weights ? changesByRow(weights) : null;
  const blocks = rows.flatMap((r, i) => (r.part === null ? [i] : []));
  const shown = shownRows(rows, view.open).map((index): MapRow => {
    const row = rows[index]!;
    const range = colourRange(read, rows, sigmas.length, scale, index);
    const own = (student && cellIn(student, quantity, index, 0)?.mean) ?? null;
    const change = changes?.get(row.name);
    const cka = row.part === null ? likeness?.cka[blocks.indexOf(index)] : undefined;
    return {
      index,
      row,
      range,
      shades: sigmas.map((_, level) => {
        const value = read(index, level);
        return value === null || !range ? null : within(range, value);
      }),
      student: own === null ? null : { value: own, shade: range ? within(range, own) : 0 },
      ratio: ratioAt(findings, quantity, index),
      change: change?.change ?? null,
      frozen: change?.frozen ?? null,
      likest: cka ? likest(cka) : null,
    };
  });
  const ranges = shown.flatMap((r) => r.range ?? []);
  const same =
    ranges.length > 0 && ranges.every((r) => r.low === ranges[0]!.low && r.high === ranges[0]!.high);
  return {
    rows: shown,
    sigmas,
    range: same ? ranges[0]! : null,
    mostChange: Math.max(0, ...shown.map((r) => r.change ?? 0)),
  };
}

/** What the parts of a drawn map share. */
export interface DrawProps {
  model: MapModel;
  ramps: Ramps;
  layout: MapLayout;
}

/** Where the rows are: a gap stands before the decoder. */
export const layoutOf = ({ rows }: MapModel, size?: Parameters<typeof mapLayout>[1]): MapLayout =>
  mapLayout(
    rows.map(({ row }) => placeOf(row.block).side),
    size,
  );

/** A ratio on the diverging scale: 1/4 to 4 times. */
export const RATIO_SPAN = 4;
export const ratioShade = (ratio: number): number => 0.5 + Math.log(ratio) / Math.log(RATIO_SPAN) / 2;

export const cellOf = (findings: Findings, view: Pick<LayersView, 'quantity'>, row: number, level: number) =>
  cellIn(findings.table, view.quantity, row, level) ?? cellIn(findings.coarse, view.quantity, row, level);

/** "0.832 ± 0.041 over 8 images" */
export function cellText(cell: Cell | null, format: (v: number) => string): string {
  if (!cell) return 'nothing measured';
  if (cell.count === 1) return `${format(cell.mean)}, 1 image`;
  const spread = cell.spread === null ? '' : ` ± ${format(cell.spread)}`;
  return `${format(cell.mean)}${spread} over ${cell.count} images`;
}
