import { ChevronDown, ChevronRight } from 'lucide-react';
import { GAP } from './map-layout';
import type { MapModel } from './map-model';
import type { ChosenCell } from './use-chosen-cell';
import { shortName, sideOf } from './words';

interface Props {
  model: MapModel;
  chosen: ChosenCell;
  /** Blocks that are unfolded into their parts. */
  open: readonly string[];
}

/** Names of the map's rows, with what unfolds a block, and their channels. */
export function MapNames({ model: { rows, split }, chosen, open }: Props) {
  return (
    <ol className="map-names" aria-label="Blocks">
      {rows.map(({ row }, i) => (
        <li
          key={row.name}
          className={i === chosen.row ? 'chosen' : row.part === null ? undefined : 'inner'}
          style={i === split && split > 0 ? { marginBlockStart: GAP } : undefined}
        >
          {row.part === null ? (
            <>
              <Fold
                block={row.block}
                open={open.includes(row.block)}
                can={hasParts(row.block)}
                onFold={chosen.fold}
              />
              <span className="side">{sideOf(row.block)}</span>
              <span className="name">{shortName(row.block)}</span>
            </>
          ) : (
            <span className="name">{row.part}</span>
          )}
          <span className="channels-count">{row.channels}</span>
        </li>
      ))}
    </ol>
  );
}

/** Convolutions and norms outside the residual blocks are of one piece. */
const hasParts = (block: string) => !/_conv$|_aux_/.test(block);

interface FoldProps {
  block: string;
  open: boolean;
  can: boolean;
  onFold: ChosenCell['fold'];
}

/** Not a tab stop of its own: the map's plus and minus keys do the same, and there are dozens. */
function Fold({ block, open, can, onFold }: FoldProps) {
  if (!can) return <span className="fold" />;
  const Icon = open ? ChevronDown : ChevronRight;
  return (
    <button
      type="button"
      className="fold"
      tabIndex={-1}
      aria-expanded={open}
      aria-label={`Parts of ${block}`}
      onClick={() => onFold(block, !open)}
    >
      <Icon aria-hidden />
    </button>
  );
}
