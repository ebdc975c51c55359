import { blockText, type Side } from '../../../lib/network-place';
import { type MapRow, PARTS, type Part, type Placed } from '../parts';

/**
 * What of the freeze lab's map can be pressed, laid out as one grid that arrow keys walk through: heads of columns, then of
 * each side its own head with its resolutions, and its rows, each with its name and its cells.
 */
export interface Flip {
  /** Place in the grid: line 0 holds the heads of the columns, column 0 the names of the rows. */
  row: number;
  column: number;
  kind: 'part' | 'side' | 'row' | 'cell';
  side: Side | null;
  /** What is shown: a part, a side, a resolution; of rows and cells the block. */
  label: string;
  /** What is flipped, in words. */
  what: string;
  names: readonly string[];
}

export interface FlipGrid {
  columns: readonly Part[];
  flips: readonly Flip[];
  /** Lines, and columns with the names'. */
  shape: { rows: number; columns: number };
}

const namesWhere = (all: readonly Placed[], keep: (p: Placed) => boolean): string[] =>
  all.flatMap((p) => (keep(p) ? [p.name] : []));

/** `rows`: those of `mapRows`, by block or by resolution; rows of a resolution need no heads for it. */
export function flipGrid(
  all: readonly Placed[],
  rows: readonly MapRow[],
  by: 'block' | 'resolution',
): FlipGrid {
  const columns = PARTS.filter((part) => rows.some(({ cells }) => cells.has(part)));
  const flips: Flip[] = columns.map((part, i) => ({
    row: 0,
    column: i + 1,
    kind: 'part',
    side: null,
    label: part,
    what: `all ${part}`,
    names: namesWhere(all, (p) => p.part === part),
  }));
  let line = 0;
  let side: Side | null = null;
  for (const row of rows) {
    line++;
    if (row.side !== side && row.side !== 'mapping') flips.push(...sideFlips(all, row.side, line++, by));
    side = row.side;
    flips.push(...rowFlips(row, columns, line));
  }
  return { columns, flips, shape: { rows: line + 1, columns: columns.length + 1 } };
}

/** A side as a whole, and each of its resolutions. */
function sideFlips(all: readonly Placed[], side: Side, row: number, by: 'block' | 'resolution'): Flip[] {
  const own = all.filter((p) => p.side === side);
  const resolutions = by === 'block' ? [...new Set(own.flatMap(({ resolution }) => resolution ?? []))] : [];
  const whole: Flip = {
    row,
    column: 0,
    kind: 'side',
    side,
    label: side,
    what: `the whole ${side}`,
    names: namesWhere(own, () => true),
  };
  return [
    whole,
    ...resolutions.map(
      (r, i): Flip => ({
        row,
        column: i + 1,
        kind: 'side',
        side,
        label: `${r} × ${r}`,
        what: `${side} at ${r} × ${r}`,
        names: namesWhere(own, (p) => p.resolution === r),
      }),
    ),
  ];
}

function rowFlips({ block, side, cells }: MapRow, columns: readonly Part[], row: number): Flip[] {
  const whole: Flip = {
    row,
    column: 0,
    kind: 'row',
    side,
    label: block,
    what: `${blockText(block)}, whole`,
    names: [...cells.values()].flatMap(({ names }) => names),
  };
  return [
    whole,
    ...columns.flatMap((part, i): Flip[] => {
      const cell = cells.get(part);
      return cell
        ? [
            {
              row,
              column: i + 1,
              kind: 'cell',
              side,
              label: block,
              what: `${blockText(block)}, ${part}`,
              names: cell.names,
            },
          ]
        : [];
    }),
  ];
}
