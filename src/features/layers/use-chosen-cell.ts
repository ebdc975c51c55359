import { nearestLevel } from '../../state/layers/summary';
import type { LayersView } from '../../state/layers/view';
import type { MapCell } from '../../ui/network-map/cells';
import type { MapModel } from './map-model';
import { useLayersController } from './use-layers';

/** The chosen cell: its row among those that are shown, -1 where it is not among them, and its sigma's column. */
export interface ChosenCell extends MapCell {
  /** Chooses the cell of the map that is nearest to this one. */
  choose: (cell: MapCell) => void;
  /** Unfolds a block into its parts, or folds it. */
  fold: (block: string, open: boolean) => void;
}

/** The cell of the view, where it is in the map, and what changes it. */
export function useChosenCell({ rows, sigmas }: MapModel, view: LayersView): ChosenCell {
  const layers = useLayersController();
  return {
    row: rows.findIndex((r) => r.row.name === view.row),
    column: nearestLevel(sigmas, view.at),
    choose: ({ row, column }) => {
      const name = rows[clamp(row, rows.length)]?.row.name;
      if (name) layers.set({ row: name, at: sigmas[clamp(column, sigmas.length)]! });
    },
    fold: (block, open) =>
      layers.set({ open: open ? [...view.open, block] : view.open.filter((b) => b !== block) }),
  };
}

const clamp = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
