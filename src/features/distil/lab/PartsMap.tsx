import { type KeyboardEvent, useMemo, useState } from 'react';
import {
  type Cell,
  type MapRow,
  mapRows,
  PARTS,
  type Part,
  type Placed,
  type Side,
  trainingOf,
} from '../../../state/distil/lab/parts';
import { formatCount } from '../../../ui/format';

interface Props {
  all: readonly Placed[];
  frozen: ReadonlySet<string>;
  onFlip: (names: readonly string[]) => void;
}

const SIDES: readonly Side[] = ['mapping', 'encoder', 'decoder'];

/** Blocks by parts, filled where they train. Wide screens have a row a block, narrow ones a row a resolution. */
export function PartsMap(props: Props) {
  return (
    <>
      <p className="lab-keys caption" aria-hidden>
        <span className="trains">trains</span>
        <span className="some">in part</span>
        <span className="frozen">frozen</span>
      </p>
      <OneMap {...props} by="block" className="parts-map wide" />
      <OneMap {...props} by="resolution" className="parts-map narrow" />
    </>
  );
}

function OneMap({
  all,
  frozen,
  onFlip,
  by,
  className,
}: Props & { by: 'block' | 'resolution'; className: string }) {
  const rows = useMemo(() => mapRows(all, by), [all, by]);
  const [at, setAt] = useState({ row: 0, part: 0 });
  const columns = useMemo(() => PARTS.filter((part) => rows.some(({ cells }) => cells.has(part))), [rows]);
  const total = all.reduce((sum, { size }) => sum + size, 0);
  const namesOf = (keep: (p: Placed) => boolean) => all.flatMap((p) => (keep(p) ? [p.name] : []));

  /** One focus stop: arrows move to the next cell that exists, Space flips it as any button. */
  const onKeyDown = (event: KeyboardEvent<HTMLTableElement>) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const to = cellAfter(event.key, at, rows, columns);
    if (!to) return;
    event.preventDefault();
    setAt(to);
    event.currentTarget.querySelector<HTMLElement>(`[data-at="${to.row} ${to.part}"]`)?.focus();
  };

  return (
    <table className={className} onKeyDown={onKeyDown}>
      <caption className="hidden-text">
        What trains, by block and part. Arrow keys move between cells, Space flips one.
      </caption>
      <thead>
        <tr>
          <td className="caption">share of all</td>
          {columns.map((part) => (
            <th key={part} scope="col">
              <Flip
                label={part}
                what={`all ${part}`}
                names={namesOf((p) => p.part === part)}
                frozen={frozen}
                onFlip={onFlip}
              >
                <span className="caption">{shareText(all, part, total)}</span>
              </Flip>
            </th>
          ))}
        </tr>
      </thead>
      {SIDES.map((side) => {
        const own = rows.flatMap((row, index) => (row.side === side ? [{ row, index }] : []));
        return (
          <tbody key={side}>
            {side !== 'mapping' && (
              <tr>
                <th scope="rowgroup" colSpan={columns.length + 1}>
                  <Sides side={side} all={all} frozen={frozen} onFlip={onFlip} />
                </th>
              </tr>
            )}
            {own.map(({ row, index }) => (
              <tr key={row.label}>
                <th scope="row">
                  <Flip
                    label={row.label}
                    what={`${row.side === 'mapping' ? 'the mapping network' : `${row.side} ${row.label}`}, whole`}
                    names={[...row.cells.values()].flatMap(({ names }) => names)}
                    frozen={frozen}
                    onFlip={onFlip}
                  />
                </th>
                {columns.map((part, i) => {
                  const cell = row.cells.get(part);
                  return (
                    <td key={part}>
                      {cell && (
                        <CellButton
                          row={row}
                          part={part}
                          cell={cell}
                          place={`${index} ${i}`}
                          stop={
                            at.row === index && at.part === i
                              ? true
                              : !isCell(rows, columns, at) && index === 0
                          }
                          frozen={frozen}
                          onFlip={() => {
                            setAt({ row: index, part: i });
                            onFlip(cell.names);
                          }}
                        />
                      )}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        );
      })}
    </table>
  );
}

const PRESSED = { all: true, some: 'mixed', none: false } as const;

function CellButton({
  row,
  part,
  cell,
  place,
  stop,
  frozen,
  onFlip,
}: {
  row: MapRow;
  part: Part;
  cell: Cell;
  place: string;
  /** The one cell that Tab comes to. */
  stop: boolean;
  frozen: ReadonlySet<string>;
  onFlip: () => void;
}) {
  const training = trainingOf(cell.names, frozen);
  const name = `${row.side === 'mapping' ? '' : `${row.side} `}${row.label}, ${part}, ${formatCount(cell.size)} parameters`;
  return (
    <button
      type="button"
      className={`part-cell ${training}`}
      data-at={place}
      tabIndex={stop ? 0 : -1}
      aria-pressed={PRESSED[training]}
      aria-label={`${name} train`}
      title={`${name}: ${{ all: 'trains', some: 'trains in part', none: 'frozen' }[training]}`}
      onClick={onFlip}
    />
  );
}

/** A head that flips all that stands under or beside it. */
function Flip({
  label,
  what,
  names,
  frozen,
  onFlip,
  children,
}: {
  label: string;
  what: string;
  names: readonly string[];
  frozen: ReadonlySet<string>;
  onFlip: Props['onFlip'];
  children?: React.ReactNode;
}) {
  return (
    <button
      type="button"
      className="part-flip"
      title={`${trainingOf(names, frozen) === 'none' ? 'Train' : 'Freeze'} ${what}`}
      aria-pressed={PRESSED[trainingOf(names, frozen)]}
      aria-label={`${what} train`}
      onClick={() => onFlip(names)}
    >
      {label}
      {children}
    </button>
  );
}

/** A side as a whole, and each of its resolutions. */
function Sides({ side, all, frozen, onFlip }: Props & { side: Side }) {
  const own = all.filter((p) => p.side === side);
  const resolutions = [...new Set(own.flatMap(({ resolution }) => resolution ?? []))];
  const flip = (label: string, what: string, of: readonly Placed[]) => (
    <Flip
      key={what}
      label={label}
      what={what}
      names={of.map(({ name }) => name)}
      frozen={frozen}
      onFlip={onFlip}
    />
  );
  return (
    <span className="part-sides">
      {flip(side, `the whole ${side}`, own)}
      <span className="side-resolutions">
        {resolutions.map((r) =>
          flip(
            `${r} × ${r}`,
            `${side} at ${r} × ${r}`,
            own.filter((p) => p.resolution === r),
          ),
        )}
      </span>
    </span>
  );
}

function shareText(all: readonly Placed[], part: Part, total: number): string {
  const share = (100 * all.reduce((sum, p) => sum + (p.part === part ? p.size : 0), 0)) / total;
  return `${share.toFixed(share < 1 ? 1 : 0)} %`;
}

const isCell = (rows: readonly MapRow[], columns: readonly Part[], at: { row: number; part: number }) =>
  rows[at.row]?.cells.has(columns[at.part]!) ?? false;

/** The next cell in the direction of an arrow key, over gaps; null for other keys and at the edge. */
function cellAfter(
  key: string,
  at: { row: number; part: number },
  rows: readonly MapRow[],
  columns: readonly Part[],
): { row: number; part: number } | null {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
  if (!step) return null;
  let to = { row: at.row + step[0]!, part: at.part + step[1]! };
  while (rows[to.row] && columns[to.part]) {
    if (isCell(rows, columns, to)) return to;
    to = { row: to.row + step[0]!, part: to.part + step[1]! };
  }
  if (step[0] === 0 || !rows[at.row + step[0]!]) return null;
  // A column that ends here: the nearest part of the next row.
  const row = at.row + step[0]!;
  const near = columns.flatMap((part, i) => (rows[row]!.cells.has(part) ? [i] : []));
  const part = near.reduce((a, b) => (Math.abs(b - at.part) < Math.abs(a - at.part) ? b : a), near[0] ?? 0);
  return near.length > 0 ? { row, part } : null;
}
