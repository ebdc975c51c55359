import { type CSSProperties, type KeyboardEvent, type ReactNode, useMemo, useState } from 'react';
import { type Flip, flipGrid } from '../../../state/distil/lab/flips';
import { type MapRow, mapRows, type Part, type Placed, trainingOf } from '../../../state/distil/parts';
import { formatCount } from '../../../ui/format';
import { cellAfter } from '../../../ui/network-map/cells';
import { type MapLayout, mapLayout } from '../../../ui/network-map/layout';
import { MapNames } from '../../../ui/network-map/MapNames';
import { NARROW, useMedia } from '../../../ui/use-space';
import { cellPlace, PartsKeys, PartsTable } from '../parts-map/PartsMap';
import { namedRows, partShare, TRAINING_WORDS } from '../parts-map/words';

interface Props {
  all: readonly Placed[];
  frozen: ReadonlySet<string>;
  onFlip: (names: readonly string[]) => void;
}

/** Rows are targets here: as high as a pointer or a finger asks. */
const PITCH = { mouse: 24, finger: 44 };

const placeText = ({ row, column }: Pick<Flip, 'row' | 'column'>): string => `${row} ${column}`;

/**
 * The map of blocks by their parts, each of which flips. One focus stop: arrows move over cells, names and heads, Space flips
 * as any button. A table stands behind it for screen readers.
 */
export function FlipMap({ all, frozen, onFlip }: Props) {
  const narrow = useMedia(NARROW);
  const by = narrow ? 'resolution' : 'block';
  const rows = useMemo(() => mapRows(all, by), [all, by]);
  const { columns, flips, shape } = useMemo(() => flipGrid(all, rows, by), [all, rows, by]);
  const pitch = narrow ? PITCH.finger : PITCH.mouse;
  const layout = useMemo(
    () =>
      mapLayout(
        rows.map(({ side }) => side),
        { pitch, gap: pitch },
      ),
    [rows, pitch],
  );
  const places = useMemo(() => new Set(flips.map(placeText)), [flips]);
  const [at, setAt] = useState({ row: 1, column: 0 });
  const stop = places.has(placeText(at)) ? placeText(at) : placeText(flips[0]!);

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const to = cellAfter(event.key, at, { ...shape, has: (cell) => places.has(placeText(cell)) });
    if (!to) return;
    event.preventDefault();
    setAt(to);
    event.currentTarget.querySelector<HTMLElement>(`[data-at="${placeText(to)}"]`)?.focus();
  };
  const flipProps = (flip: Flip) => ({
    flip,
    frozen,
    stop: placeText(flip) === stop,
    onFlip: () => {
      setAt({ row: flip.row, column: flip.column });
      onFlip(flip.names);
    },
  });
  const heads = flips.filter(({ kind }) => kind === 'part');

  return (
    <>
      <PartsKeys />
      {/* biome-ignore lint/a11y/useSemanticElements: a map of buttons; the table behind it has the cells */}
      <div
        className="parts-map flips"
        role="group"
        aria-label="What trains, by block and part. Arrow keys move, Space flips"
        style={{ '--row': `${pitch}px`, '--columns': columns.length } as CSSProperties}
        onKeyDown={onKeyDown}
      >
        <div className="parts-corner caption">share of all</div>
        <div className="parts-heads">
          {heads.map((flip) => (
            <FlipButton key={flip.label} {...flipProps(flip)}>
              {flip.label}
              <span className="caption">{partShare(all, flip.label as Part)}</span>
            </FlipButton>
          ))}
        </div>
        <RowNames rows={rows} layout={layout} flips={flips} propsOf={flipProps} />
        <div className="map-area" style={{ blockSize: layout.height }}>
          {rows.flatMap((row, y) =>
            cellsOf(row, flips).map((flip) => (
              <CellButton
                key={flip.what}
                {...flipProps(flip)}
                size={row.cells.get(columns[flip.column - 1]!)!.size}
                place={cellPlace(flip.column - 1, layout.top(y), columns.length)}
              />
            )),
          )}
        </div>
        <SideHeads rows={rows} layout={layout} flips={flips} propsOf={flipProps} />
      </div>
      <PartsTable rows={rows} columns={columns} frozen={frozen} />
    </>
  );
}

const cellsOf = ({ block }: MapRow, flips: readonly Flip[]): Flip[] =>
  flips.filter(({ kind, label }) => kind === 'cell' && label === block);

interface ButtonProps {
  flip: Flip;
  frozen: ReadonlySet<string>;
  /** The one place that Tab comes to. */
  stop: boolean;
  onFlip: () => void;
}

interface PartsProps {
  rows: readonly MapRow[];
  layout: MapLayout;
  flips: readonly Flip[];
  propsOf: (flip: Flip) => ButtonProps;
}

function RowNames({ rows, layout, flips, propsOf }: PartsProps) {
  return (
    <MapNames rows={namedRows(rows)} layout={layout}>
      {(name, { block }) => (
        <FlipButton {...propsOf(flips.find(({ kind, label }) => kind === 'row' && label === block)!)}>
          {name}
        </FlipButton>
      )}
    </MapNames>
  );
}

/** A side and its resolutions, in the gap before its rows. */
function SideHeads({ rows, layout, flips, propsOf }: PartsProps) {
  return (['encoder', 'decoder'] as const).map((side) => {
    const first = rows.findIndex((row) => row.side === side);
    const own = flips.filter((flip) => flip.kind === 'side' && flip.side === side);
    return first < 0 ? null : (
      <div
        key={side}
        className="part-sides"
        style={{ insetBlockEnd: layout.height - layout.top(first), blockSize: layout.pitch }}
      >
        {own.map((flip) => (
          <FlipButton key={flip.label} {...propsOf(flip)}>
            {flip.label}
          </FlipButton>
        ))}
      </div>
    );
  });
}

const PRESSED = { all: true, some: 'mixed', none: false } as const;

/** A head or a name that flips all that stands under or beside it. */
function FlipButton({ flip, frozen, stop, onFlip, children }: ButtonProps & { children: ReactNode }) {
  const training = trainingOf(flip.names, frozen);
  return (
    <button
      type="button"
      className="part-flip"
      data-at={placeText(flip)}
      tabIndex={stop ? 0 : -1}
      title={`${training === 'none' ? 'Train' : 'Freeze'} ${flip.what}`}
      aria-pressed={PRESSED[training]}
      aria-label={`${flip.what} train`}
      onClick={onFlip}
    >
      {children}
    </button>
  );
}

function CellButton({
  flip,
  frozen,
  stop,
  onFlip,
  size,
  place,
}: ButtonProps & { size: number; place: CSSProperties }) {
  const training = trainingOf(flip.names, frozen);
  const name = `${flip.what}, ${formatCount(size)} parameters`;
  return (
    <button
      type="button"
      className={`part-cell ${training}`}
      style={place}
      data-at={placeText(flip)}
      tabIndex={stop ? 0 : -1}
      aria-pressed={PRESSED[training]}
      aria-label={`${name} train`}
      title={`${name}: ${TRAINING_WORDS[training]}`}
      onClick={onFlip}
    />
  );
}
