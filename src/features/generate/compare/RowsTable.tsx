import { type CSSProperties, type KeyboardEvent, memo, useMemo, useRef, useState } from 'react';
import { rowTitle } from '../../../lib/row-caption';
import { resultOf, shows } from '../../../state/compare/store';
import type { Cell } from '../../../state/compare/view';
import type { OwnPlace } from '../../../state/generate/points';
import { seedAt } from '../../../state/generate/view';
import { useApp, usePrefs, useView } from '../../../state/react';
import { formatNumber } from '../../../ui/format';
import { PictureCanvas, type PictureSource } from '../../../ui/PictureCanvas';
import { imageSize, type RowsLayout } from './layout';
import { RowHead } from './RowHead';
import { useReorder } from './use-reorder';
import type { ShownRow } from './use-rows';

interface Props {
  rows: readonly ShownRow[];
  layout: RowsLayout;
  at: Cell | null;
  /** Told in words what a row was moved to. */
  onMoved: (said: string) => void;
}

/**
 * A row for each model, a column for each seed. One of the images is a tab stop; arrow keys move between them, Enter
 * opens one. Heads hold buttons of their own.
 */
export function RowsTable({ rows, layout, at, onMoved }: Props) {
  const { controller, announce } = useApp();
  const seed = useView((v) => v.seed);
  const own = useView((v) => v.own);
  const smooth = usePrefs((p) => p.smooth);
  const body = useRef<HTMLTableSectionElement>(null);
  const [focus, setFocus] = useState<Cell>({ row: 0, column: 0 });
  const reorder = useReorder({ rows, body, onMoved });
  const { columns, module, gap, stacked } = layout;
  const stop = { row: Math.min(focus.row, rows.length - 1), column: Math.min(focus.column, columns - 1) };

  const remove = (index: number) => {
    const undo = controller.compare.remove(index);
    announce(`${rowTitle(rows[index]!.figures)} was removed`, { label: 'Undo', perform: undo });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = cellAfter(event, { rows: rows.length, columns });
    const button = to && body.current?.querySelector<HTMLElement>(`[data-cell="${to.row},${to.column}"]`);
    if (!button) return;
    event.preventDefault();
    setFocus(to);
    button.focus();
    button.scrollIntoView({ block: 'nearest' });
  };
  if (rows.length === 0)
    return <p className="rows-empty secondary">No rows. Add one, and its images follow.</p>;
  return (
    <table
      className={`rows${stacked ? ' stacked' : ''}${smooth ? ' smooth' : ''}`}
      style={{ '--module': `${module}px`, '--gap': `${gap}px`, '--columns': columns } as CSSProperties}
    >
      <caption className="hidden-text">
        The same seeds and class in every row. Open an image for its row’s settings.
      </caption>
      <thead>
        <tr>
          <td />
          {Array.from({ length: columns }, (_, c) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a column is its index
            <th key={c} scope="col">
              seed {formatNumber(seedAt(seed, c))}
              {ownWords(own.find(({ place }) => place === c))}
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body} onKeyDown={onKeyDown}>
        {rows.map((row, r) => (
          <tr key={row.id} data-row={r} data-lifted={reorder.lifted === r || undefined}>
            <th scope="row">
              <RowHead
                row={row}
                columns={columns}
                onRemove={() => remove(r)}
                onGripKey={(event) => reorder.onKey(event, r)}
                onGripDown={(event) => reorder.onDown(event, r)}
              />
            </th>
            {Array.from({ length: columns }, (_, c) => (
              <Tile
                // biome-ignore lint/suspicious/noArrayIndexKey: a column is its index
                key={c}
                row={row}
                cell={{ row: r, column: c }}
                module={module}
                selected={at?.row === r && at.column === c}
                stop={stop.row === r && stop.column === c}
                onOpen={() => {
                  setFocus({ row: r, column: c });
                  controller.compare.open({ row: r, column: c });
                }}
              />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What an image has of its own, behind its seed. */
function ownWords(own: OwnPlace | undefined): string {
  const what = [own?.noise && 'noise', own && own.classIndex !== null && 'class'].filter(Boolean);
  return what.length > 0 ? `, own ${what.join(' and ')}` : '';
}

/** The image that an arrow key goes to from the one that has the focus; null where it does not move. */
function cellAfter(
  { key, target, altKey, ctrlKey, metaKey }: KeyboardEvent,
  { rows, columns }: { rows: number; columns: number },
): Cell | null {
  const [row, column] = ((target as HTMLElement).dataset.cell ?? '').split(',').map(Number);
  if (row === undefined || column === undefined || altKey || ctrlKey || metaKey) return null;
  const moves: Record<string, Cell> = {
    ArrowRight: { row, column: column + 1 },
    ArrowLeft: { row, column: column - 1 },
    ArrowDown: { row: row + 1, column },
    ArrowUp: { row: row - 1, column },
    Home: { row, column: 0 },
    End: { row, column: columns - 1 },
  };
  const to = moves[key];
  return to && to.row >= 0 && to.row < rows && to.column >= 0 && to.column < columns ? to : null;
}

interface TileProps {
  row: ShownRow;
  cell: Cell;
  module: number;
  selected: boolean;
  stop: boolean;
  onOpen: () => void;
}

/** An image, and the button that opens it: a button's children lose their roles. */
const Tile = memo(function Tile({ row, cell, module, selected, stop, onOpen }: TileProps) {
  const source = useRowSource(row.key);
  const image = row.result.images[cell.column];
  const want = row.wanted[cell.column];
  const current = want && shows(image, want);
  const resolution = image?.resolution ?? row.model.facts?.resolution ?? 64;
  const seed = want ? formatNumber(want.seed) : '';
  const title = rowTitle(row.figures);
  return (
    <td>
      <div
        className="tile"
        data-selected={selected || undefined}
        data-state={current ? 'made' : image ? 'old' : 'waiting'}
      >
        <PictureCanvas
          source={source}
          index={cell.column}
          size={imageSize(resolution, module, devicePixelRatio)}
        />
        <button
          type="button"
          data-cell={`${cell.row},${cell.column}`}
          aria-label={current ? `Open ${title}, seed ${seed}` : `Open ${title}, seed ${seed}: waiting`}
          aria-pressed={selected}
          tabIndex={stop ? 0 : -1}
          onClick={onOpen}
        />
      </div>
    </td>
  );
});

/** The images of a row, for canvases that follow them by themselves. */
export function useRowSource(key: string): PictureSource {
  const { stores } = useApp();
  return useMemo(
    () => ({
      get: (index) => resultOf(stores.compare.getState(), key).images[index] ?? null,
      subscribe: (listener) => stores.compare.subscribe(listener),
    }),
    [stores.compare, key],
  );
}
