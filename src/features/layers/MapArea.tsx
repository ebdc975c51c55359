import { type KeyboardEvent, type MouseEvent, useMemo, useRef } from 'react';
import type { LayersView } from '../../state/layers/view';
import { cellAfter, type MapCell } from '../../ui/network-map/cells';
import { rampColour } from '../../ui/ramp';
import type { DrawProps } from './map-model';
import type { ChosenCell } from './use-chosen-cell';
import { QUANTITY_WORDS } from './words';

interface Props extends DrawProps {
  view: LayersView;
  chosen: ChosenCell;
  /** Whether a student is compared: its dots are then drawn. */
  student: boolean;
  /** Id of the line that says the cell's number. */
  readout: string;
  /** The cell under the mouse; null when it leaves. */
  onHover: (cell: MapCell | null) => void;
  /** The chosen cell is to be looked at closely. */
  onOpen: () => void;
}

/** The cells, which pointer and keys choose among: one focus stop. */
export function MapArea({ view, chosen, student, readout, onHover, onOpen, ...draw }: Props) {
  const { model, layout } = draw;
  const { height, pitch, top } = layout;
  const { rows, sigmas } = model;
  const area = useRef<HTMLDivElement>(null);
  const pointed = (event: MouseEvent): MapCell | null => {
    const box = area.current!.getBoundingClientRect();
    const y = event.clientY - box.top;
    const row = rows.findIndex((_, i) => y >= top(i) && y < top(i) + pitch);
    const column = Math.floor(((event.clientX - box.left) / box.width) * sigmas.length);
    return row < 0 || column < 0 || column >= sigmas.length ? null : { row, column };
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { key } = event;
    const to = cellAfter(key, chosen, { rows: rows.length, columns: sigmas.length });
    const block = rows[Math.max(0, chosen.row)]?.row.block;
    const open = block !== undefined && view.open.includes(block);
    if (to) chosen.choose(to);
    else if (key === 'Enter' && chosen.row >= 0) onOpen();
    else if ((key === '+' || key === '=') && block && !open) chosen.fold(block, true);
    else if (key === '-' && block && open) chosen.fold(block, false);
    else return;
    event.preventDefault();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a group with keys of its own; the table behind it has the cells
    <div
      ref={area}
      className="map-area sigma-area"
      role="group"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys move the cell
      tabIndex={0}
      aria-label={`${QUANTITY_WORDS[view.quantity].name} by block and sigma. Arrow keys move, plus unfolds, Enter looks closely`}
      aria-describedby={readout}
      style={{ blockSize: height }}
      onKeyDown={onKeyDown}
      onPointerMove={(event) => event.pointerType === 'mouse' && onHover(pointed(event))}
      onPointerLeave={() => onHover(null)}
      onClick={(event) => {
        const cell = pointed(event);
        if (cell) chosen.choose(cell);
      }}
    >
      <Cells {...draw} />
      {student && <Dots model={model} layout={layout} />}
      {chosen.row >= 0 && (
        <i
          className="map-chosen"
          style={{
            insetInlineStart: `${(100 * chosen.column) / sigmas.length}%`,
            inlineSize: `${100 / sigmas.length}%`,
            insetBlockStart: top(chosen.row),
          }}
        />
      )}
    </div>
  );
}

function Cells({ model, ramps, layout: { height, pitch, top } }: DrawProps) {
  const { rows, sigmas } = model;
  const cells = useMemo(
    () =>
      rows.flatMap(({ row, shades }, y) =>
        shades.map((shade, x) =>
          shade === null ? null : (
            <rect
              // biome-ignore lint/suspicious/noArrayIndexKey: a level is its place
              key={`${row.name} ${x}`}
              x={x}
              y={top(y)}
              width={1}
              height={pitch}
              fill={rampColour(ramps.sequential, shade)}
            />
          ),
        ),
      ),
    [rows, ramps, pitch, top],
  );
  return (
    <svg
      viewBox={`0 0 ${sigmas.length} ${height}`}
      preserveAspectRatio="none"
      shapeRendering="crispEdges"
      aria-hidden="true"
    >
      {cells}
    </svg>
  );
}

/** Filled where one level stands out, hollow where many are about as alike. */
function Dots({ model: { rows, sigmas }, layout: { pitch, top } }: Pick<DrawProps, 'model' | 'layout'>) {
  return rows.map(({ row, likest }, y) =>
    likest ? (
      <i
        key={row.name}
        className={likest.clear ? 'map-dot' : 'map-dot unclear'}
        style={{
          insetInlineStart: `${(100 * (likest.level + 0.5)) / sigmas.length}%`,
          insetBlockStart: top(y) + pitch / 2,
        }}
      />
    ) : null,
  );
}
