import type { ReactNode } from 'react';
import { blockWords } from '../../lib/network-place';
import type { MapLayout } from './layout';
import './network-map.css';

/** A row of a map as it is named. */
export interface NamedRow {
  /** The row's key. */
  name: string;
  /** "enc.32x32_block0", or a glob over a resolution. */
  block: string;
  /** Which part of the block it is; null for the block itself. */
  part: string | null;
}

interface Props<R extends NamedRow> {
  rows: readonly R[];
  layout: MapLayout;
  /** Index of the chosen row; -1 = none. */
  chosen?: number;
  /** What a row shows with its name. */
  children?: (name: ReactNode, row: R, index: number) => ReactNode;
}

/** The names of a map's rows: a block is called and set the same wherever a network is drawn. */
export function MapNames<R extends NamedRow>({ rows, layout, chosen = -1, children }: Props<R>) {
  return (
    <ol className="map-names" aria-label="Blocks">
      {rows.map((row, i) => {
        const name = <RowName {...row} />;
        return (
          <li
            key={row.name}
            className={i === chosen ? 'chosen' : row.part === null ? undefined : 'inner'}
            style={{ marginBlockStart: layout.gapBefore(i) || undefined }}
          >
            {children ? children(name, row, i) : name}
          </li>
        );
      })}
    </ol>
  );
}

function RowName({ block, part }: NamedRow) {
  if (part !== null) return <span className="name">{part}</span>;
  const { side, name } = blockWords(block);
  return (
    <>
      <span className="side">{side}</span>
      <span className="name">{name}</span>
    </>
  );
}
