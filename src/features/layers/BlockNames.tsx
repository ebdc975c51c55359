import { ChevronDown, ChevronRight } from 'lucide-react';
import type { MapLayout } from '../../ui/network-map/layout';
import { MapNames } from '../../ui/network-map/MapNames';
import type { MapModel } from './map-model';
import type { ChosenCell } from './use-chosen-cell';

interface Props {
  model: MapModel;
  layout: MapLayout;
  chosen: ChosenCell;
  /** Blocks that are unfolded into their parts. */
  open: readonly string[];
}

/** Names of the map's rows, with what unfolds a block, and their channels. */
export function BlockNames({ model, layout, chosen, open }: Props) {
  return (
    <MapNames rows={model.rows.map(({ row }) => row)} layout={layout} chosen={chosen.row}>
      {(name, { block, part, channels }) => (
        <>
          {part === null && (
            <Fold block={block} open={open.includes(block)} can={hasParts(block)} onFold={chosen.fold} />
          )}
          {name}
          <span className="channels-count">{channels}</span>
        </>
      )}
    </MapNames>
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
