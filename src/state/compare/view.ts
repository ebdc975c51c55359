import { formatRowSpec, ROW_FORMS, type RowSpec, readRowSpec } from '../../lib/row-spec';
import { counted } from '../../lib/words';

/** What is shown side by side, as a link carries it: `row=MODEL&row=MODEL@heun:18&at=2,1`. */
export interface Comparison {
  /** From top to bottom; null = nobody has chosen any yet. */
  rows: readonly RowSpec[] | null;
  /** The image that is open beside the rows; null = none. */
  at: Cell | null;
}

/** An image's place, from 0. */
export interface Cell {
  row: number;
  column: number;
}

export const MAX_ROWS = 8;
const MAX_COLUMN = 63;

/** Names of the parameters of a comparison in a link. */
export const COMPARISON_PARAMS: ReadonlySet<string> = new Set(['row', 'at']);

/** The comparison of a link's query. Whatever is not understood is left out; `problems` says so in sentences. */
export function readComparison(query: string): Comparison & { problems: string[] } {
  const params = new URLSearchParams(query);
  const problems: string[] = [];
  const texts = params.getAll('row').map((text) => text.trim());
  const rows: RowSpec[] = [];
  for (const text of texts) {
    const row = text === '' ? null : readRowSpec(text);
    if (row && rows.length < MAX_ROWS) rows.push(row);
    else if (text !== '' && !row)
      problems.push(
        `The link has the row “${text.slice(0, 80)}”, which is none of ${ROW_FORMS}: it is left out.`,
      );
  }
  const wanted = texts.filter((text) => text !== '').length;
  if (wanted - problems.length > MAX_ROWS)
    problems.push(`The link has ${counted(wanted, 'row')}: the first ${MAX_ROWS} are shown.`);
  const [, row, column] = /^(\d{1,2}),(\d{1,2})$/.exec(params.get('at')?.trim() ?? '') ?? [];
  const at = row === undefined ? null : { row: Number(row), column: Number(column) };
  return {
    rows: texts.length > 0 ? rows : null,
    at: at && at.row < rows.length && at.column <= MAX_COLUMN ? at : null,
    problems,
  };
}

/** The query of a link; an empty one before rows were chosen. */
export function formatComparison({ rows, at }: Comparison): string {
  if (!rows) return '';
  const params = new URLSearchParams();
  for (const row of rows) params.append('row', formatRowSpec(row));
  if (rows.length === 0) params.set('row', ''); // chosen to be none
  if (at) params.set('at', `${at.row},${at.column}`);
  return params.toString();
}
