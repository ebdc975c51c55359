import { nearestLevel } from '../../state/layers/summary';
import type { LayersView } from '../../state/layers/view';
import type { MapModel } from './map-model';
import { useLayersController } from './use-layers';

/** A cell of the map: places among the rows that are shown and among the levels. */
export interface MapCell {
  /** -1 where no shown row is chosen. */
  row: number;
  level: number;
}

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
    level: nearestLevel(sigmas, view.at),
    choose: ({ row, level }) => {
      const name = rows[clamp(row, rows.length)]?.row.name;
      if (name) layers.set({ row: name, at: sigmas[clamp(level, sigmas.length)]! });
    },
    fold: (block, open) =>
      layers.set({ open: open ? [...view.open, block] : view.open.filter((b) => b !== block) }),
  };
}

const clamp = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));

/** The cell that a key goes to, perhaps beyond the map's edge; null for a key that moves nothing. */
export function cellAfter(key: string, { row: chosen, level }: MapCell, levels: number): MapCell | null {
  const row = Math.max(0, chosen);
  const moves: Record<string, MapCell> = {
    ArrowUp: { row: row - 1, level },
    ArrowDown: { row: chosen < 0 ? 0 : row + 1, level },
    ArrowLeft: { row, level: level - 1 },
    ArrowRight: { row, level: level + 1 },
    PageUp: { row: row - 5, level },
    PageDown: { row: row + 5, level },
    Home: { row, level: 0 },
    End: { row, level: levels - 1 },
  };
  return moves[key] ?? null;
}
