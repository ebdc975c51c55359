import type { DistilPlan } from '../../../protocol/distil';

type Layer = DistilPlan['layers'][number];

export interface FreezeColumn {
  block: string;
  /** 'encoder', 'decoder' or 'other'. */
  part: 'encoder' | 'decoder' | 'other';
  /** The resolution of a block of the U-Net, pixels; null elsewhere. */
  resolution: number | null;
  cells: Map<string, Layer>;
}

/** Rows of the map, in the order in which a block uses its layers. */
const ORDER = ['norm0', 'conv0', 'affine', 'norm1', 'conv1', 'skip', 'norm2', 'qkv', 'proj'];

/** What stands outside of blocks: the mapping network, the first and the last convolutions. */
const WHOLE = 'other';

/** Layers by block and kind: the columns and rows of a picture. */
export function freezeMap(layers: readonly Layer[]): { columns: FreezeColumn[]; rows: string[] } {
  const columns = new Map<string, FreezeColumn>();
  const kinds = new Set<string>();
  for (const layer of layers) {
    const [, side, block = layer.name, kind = WHOLE] =
      /^(?:(enc|dec)\.)?([^.]+)(?:\.(.+))?$/.exec(layer.name) ?? [];
    const part = side === 'enc' ? 'encoder' : side === 'dec' ? 'decoder' : 'other';
    const key = part === 'other' ? 'map' : `${side}.${block}`;
    let column = columns.get(key);
    if (!column) {
      const resolution = /^(\d+)x\d+/.exec(block)?.[1];
      column = { block: key, part, resolution: resolution ? Number(resolution) : null, cells: new Map() };
      columns.set(key, column);
    }
    kinds.add(kind);
    const known = column.cells.get(kind);
    column.cells.set(
      kind,
      known
        ? { ...known, parameters: known.parameters + layer.parameters, trains: known.trains || layer.trains }
        : layer,
    );
  }
  const rank = (kind: string) => (ORDER.indexOf(kind) + ORDER.length + 1) % (ORDER.length + 1);
  const sides = { other: 0, encoder: 1, decoder: 2 };
  return {
    columns: [...columns.values()].sort((a, b) => sides[a.part] - sides[b.part]),
    rows: [...kinds].sort((a, b) => (a === WHOLE ? 1 : b === WHOLE ? -1 : rank(a) - rank(b))),
  };
}

/** Each kind of layer in a sentence: "conv0: frozen in 18 blocks". */
export function freezeSentences(columns: readonly FreezeColumn[], rows: readonly string[]): string[] {
  return rows.map((row) => {
    const cells = columns.flatMap((c) => c.cells.get(row) ?? []);
    const training = cells.filter((c) => c.trains).length;
    const some = training > 0 && training < cells.length ? `${training} of ` : '';
    const blocks = cells.length === 1 ? 'block' : 'blocks';
    return `${row}: ${training > 0 ? 'trains' : 'frozen'} in ${some}${cells.length} ${blocks}`;
  });
}
