import { type CSSProperties, useMemo } from 'react';
import { blockText } from '../../../lib/network-place';
import type { MapRow, Part, Placed, Training } from '../../../state/distil/parts';
import { mapRows, PARTS, trainingOf } from '../../../state/distil/parts';
import { formatCount } from '../../../ui/format';
import { HiddenTable } from '../../../ui/network-map/HiddenTable';
import { mapLayout } from '../../../ui/network-map/layout';
import { MapNames } from '../../../ui/network-map/MapNames';
import { NARROW, useMedia } from '../../../ui/use-space';
import { namedRows, partShare, TRAINING_WORDS } from './words';
import './parts-map.css';

interface Props {
  /** Parameters or layers of the network, with their places. */
  all: readonly Placed[];
  /** Names of those that are frozen. */
  frozen: ReadonlySet<string>;
}

/** The map of blocks by their parts, filled where they train, to be read. A row a block; on narrow screens a resolution. */
export function PartsMap({ all, frozen }: Props) {
  const narrow = useMedia(NARROW);
  const rows = useMemo(() => mapRows(all, narrow ? 'resolution' : 'block'), [all, narrow]);
  const columns = PARTS.filter((part) => rows.some(({ cells }) => cells.has(part)));
  const layout = mapLayout(rows.map(({ side }) => side));
  return (
    <div
      className="parts-map"
      style={{ '--row': `${layout.pitch}px`, '--columns': columns.length } as CSSProperties}
    >
      <div className="parts-corner caption">share of all</div>
      <div className="parts-heads" aria-hidden>
        {columns.map((part) => (
          <span key={part}>
            {part}
            <span className="caption">{partShare(all, part)}</span>
          </span>
        ))}
      </div>
      <MapNames rows={namedRows(rows)} layout={layout} />
      <div className="map-area" style={{ blockSize: layout.height }} aria-hidden>
        {rows.flatMap(({ block, cells }, y) =>
          columns.flatMap((part, x) => {
            const cell = cells.get(part);
            if (!cell) return [];
            const training = trainingOf(cell.names, frozen);
            return (
              <i
                key={`${block} ${part}`}
                className={`part-cell ${training}`}
                style={cellPlace(x, layout.top(y), columns.length)}
                title={`${blockText(block)}, ${part}, ${formatCount(cell.size)} parameters: ${TRAINING_WORDS[training]}`}
              />
            );
          }),
        )}
      </div>
      <PartsTable rows={rows} columns={columns} frozen={frozen} />
    </div>
  );
}

/** Where a cell lies in the map's area. */
export const cellPlace = (column: number, top: number, columns: number): CSSProperties => ({
  insetBlockStart: top,
  insetInlineStart: `${(100 * column) / columns}%`,
  inlineSize: `${100 / columns}%`,
});

/** What fills and outlines mean. */
export function PartsKeys() {
  const keys: Training[] = ['all', 'some', 'none'];
  return (
    <p className="parts-keys caption" aria-hidden>
      {keys.map((key) => (
        <span key={key} className={key}>
          {TRAINING_WORDS[key]}
        </span>
      ))}
    </p>
  );
}

interface TableProps {
  rows: readonly MapRow[];
  columns: readonly Part[];
  frozen: ReadonlySet<string>;
}

/** The map for who does not see it. */
export function PartsTable({ rows, columns, frozen }: TableProps) {
  return (
    <HiddenTable
      caption="What trains, by block and part"
      columns={columns}
      rows={rows.map(({ block, cells }) => ({
        name: block,
        words: blockText(block),
        cells: columns.map((part) => {
          const cell = cells.get(part);
          return cell ? TRAINING_WORDS[trainingOf(cell.names, frozen)] : 'none';
        }),
      }))}
    />
  );
}
