/** A cell of a map: places among its rows and columns. */
export interface MapCell {
  /** -1 where no row is chosen. */
  row: number;
  column: number;
}

/** Which cells a map has. */
export interface MapShape {
  rows: number;
  columns: number;
  /** Absent where every row has every column. */
  has?: (cell: MapCell) => boolean;
}

/** Rows that Page Up and Page Down pass. */
const PAGE = 5;

/**
 * The cell that a key goes to; null for a key that moves nothing. Arrows pass over gaps, and where a column ends to the
 * nearest cell of the next row. At an edge it is the cell that it was.
 */
export function cellAfter(key: string, at: MapCell, shape: MapShape): MapCell | null {
  const start = { row: Math.max(0, at.row), column: at.column };
  const last = shape.columns - 1;
  const page = (by: number) =>
    nearest(Math.min(shape.rows - 1, Math.max(0, start.row + by)), at.column, shape) ?? start;
  switch (key) {
    case 'ArrowUp':
      return vertical(at, -1, shape) ?? start;
    case 'ArrowDown':
      return vertical(at, 1, shape) ?? start;
    case 'ArrowLeft':
      return along(start.row, start.column - 1, -1, shape) ?? start;
    case 'ArrowRight':
      return along(start.row, start.column + 1, 1, shape) ?? start;
    case 'PageUp':
      return page(-PAGE);
    case 'PageDown':
      return page(PAGE);
    case 'Home':
      return along(start.row, 0, 1, shape) ?? start;
    case 'End':
      return along(start.row, last, -1, shape) ?? start;
    default:
      return null;
  }
}

const exists = ({ has }: MapShape, cell: MapCell): boolean => has?.(cell) ?? true;

/** The first cell of a row from a column on, in one direction. */
function along(row: number, from: number, step: 1 | -1, shape: MapShape): MapCell | null {
  for (let column = from; column >= 0 && column < shape.columns; column += step)
    if (exists(shape, { row, column })) return { row, column };
  return null;
}

/** The cell of a row that is nearest to a column. */
function nearest(row: number, column: number, shape: MapShape): MapCell | null {
  const before = along(row, column, -1, shape);
  const after = along(row, column, 1, shape);
  if (!before || !after) return before ?? after;
  return column - before.column <= after.column - column ? before : after;
}

/** The next cell of the column; where there is none, the nearest of the next row that has one. */
function vertical({ row: from, column }: MapCell, step: 1 | -1, shape: MapShape): MapCell | null {
  const inside = (row: number) => row >= 0 && row < shape.rows;
  for (let row = from + step; inside(row); row += step)
    if (exists(shape, { row, column })) return { row, column };
  for (let row = from + step; inside(row); row += step) {
    const near = nearest(row, column, shape);
    if (near) return near;
  }
  return null;
}
