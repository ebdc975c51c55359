import type { MapRow, Part, Placed, Training } from '../../../state/distil/parts';
import type { NamedRow } from '../../../ui/network-map/MapNames';

export const TRAINING_WORDS: Record<Training, string> = {
  all: 'trains',
  some: 'in part',
  none: 'frozen',
};

/** A part's share of all parameters. */
export function partShare(all: readonly Placed[], part: Part): string {
  const sum = (of: readonly Placed[]) => of.reduce((total, { size }) => total + size, 0);
  const share = (100 * sum(all.filter((p) => p.part === part))) / sum(all);
  return `${share.toFixed(share < 1 ? 1 : 0)} %`;
}

/** The rows as the map of a network names them. */
export const namedRows = (rows: readonly MapRow[]): NamedRow[] =>
  rows.map(({ block }) => ({ name: block, block, part: null }));
