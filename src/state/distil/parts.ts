import { type DistilConfig, FREEZE_LEVELS, type FreezeChoice } from '../../distil/config';
import { freezeText, frozenNames } from '../../distil/freeze-rule';
import { type Place, placeOf, resolutionGlob, type Side } from '../../lib/network-place';
import type { ParameterSize } from '../../protocol/distil';

/** The network as the freeze lab sees it: blocks by parts, and what of them a choice freezes. */

export const PARTS = ['conv', 'skip', 'norm', 'affine', 'qkv', 'proj', 'map'] as const;
export type Part = (typeof PARTS)[number];

/** One parameter with its place in the map. */
export interface Placed extends ParameterSize, Pick<Place, 'side' | 'block' | 'resolution'> {
  part: Part;
}

/** "model.enc.32x32_block0.conv0.weight" is conv of enc.32x32_block0; a whole layer may be placed by its name too. */
export function placed({ name, size }: ParameterSize): Placed {
  const { side, block, resolution, layer } = placeOf(name);
  return { name, size, side, block, resolution, part: side === 'mapping' ? 'map' : partOf(layer ?? block) };
}

function partOf(layer: string): Part {
  const known = /^(skip|norm|affine|qkv|proj)/.exec(layer)?.[1] as Part | undefined;
  return known ?? (layer.endsWith('norm') ? 'norm' : 'conv');
}

export interface Cell {
  names: string[];
  size: number;
}

export interface MapRow {
  /** "enc.32x32_block0"; of all blocks of a side at one resolution their glob, "enc.32x32_*". */
  block: string;
  side: Side;
  cells: Map<Part, Cell>;
}

/** Rows in the order of the network: a block each, or for narrow screens a resolution of a side. */
export function mapRows(all: readonly Placed[], by: 'block' | 'resolution'): MapRow[] {
  const rows = new Map<string, MapRow>();
  for (const { name, size, side, block: own, resolution, part } of all) {
    const block = by === 'block' || resolution === null ? own : resolutionGlob(side, resolution);
    const row = rows.get(block) ?? { block, side, cells: new Map<Part, Cell>() };
    rows.set(block, row);
    const cell = row.cells.get(part) ?? { names: [], size: 0 };
    row.cells.set(part, { names: [...cell.names, name], size: cell.size + size });
  }
  return [...rows.values()];
}

/** How much of some parameters trains. */
export type Training = 'all' | 'some' | 'none';

export function trainingOf(names: readonly string[], frozen: ReadonlySet<string>): Training {
  const still = names.filter((name) => frozen.has(name)).length;
  return still === 0 ? 'all' : still === names.length ? 'none' : 'some';
}

/** Frozen where they train, at least in part; else trained again. */
export function flipped(frozen: ReadonlySet<string>, names: readonly string[]): Set<string> {
  const next = new Set(frozen);
  const freeze = trainingOf(names, frozen) !== 'none';
  for (const name of names)
    if (freeze) next.add(name);
    else next.delete(name);
  return next;
}

/** Values that train, of all. */
export function shareOf(all: readonly ParameterSize[], frozen: ReadonlySet<string>) {
  const total = all.reduce((sum, { size }) => sum + size, 0);
  const trained = all.reduce((sum, { name, size }) => sum + (frozen.has(name) ? 0 : size), 0);
  return { total, trained, share: total > 0 ? trained / total : 0 };
}

/** A set of frozen parameters as the shortest choice that freezes just them: a level, or globs that people can read. */
export function choiceOf(frozen: ReadonlySet<string>, all: readonly Placed[]): FreezeChoice {
  const names = all.map(({ name }) => name);
  for (const level of FREEZE_LEVELS) {
    const own = frozenNames(level, names);
    if (own.length === frozen.size && own.every((name) => frozen.has(name))) return level;
  }
  const globs: string[] = [];
  const left = new Set(frozen);
  const candidates = globsOver(all)
    .map((glob) => ({ glob, names: frozenNames([glob], names) }))
    .filter((of) => of.names.every((name) => frozen.has(name)));
  while (left.size > 0) {
    const gain = (of: { names: string[] }) => of.names.filter((name) => left.has(name)).length;
    const best = candidates.reduce((a, b) => (gain(b) > gain(a) ? b : a), candidates[0]!);
    globs.push(best.glob);
    for (const name of best.names) left.delete(name);
  }
  return globs;
}

/** Globs that a network's parts make: a side, a part, a part of a side, a block, a layer; those that match nothing are left out. */
function globsOver(all: readonly Placed[]): string[] {
  const out = new Set<string>();
  for (const { name } of all) {
    const own = name.replace(/^model\./, '');
    const pieces = own.split('.');
    const layer = pieces.slice(0, -1).join('.');
    if (own.startsWith('map_')) out.add('map_*');
    if (/^(enc|dec)\./.test(own)) {
      const [side, block, part] = pieces as [string, string, string];
      const resolution = /^\d+x\d+_/.exec(block)?.[0];
      out.add(`${side}.*`);
      if (resolution) out.add(`${side}.${resolution}*`);
      if (pieces.length > 3) {
        const kind = part.replace(/\d$/, '?');
        for (const scope of ['*', `${side}.*`, ...(resolution ? [`${side}.${resolution}*`] : [])])
          out.add(`${scope}.${kind}.*`);
        out.add(`${side}.${block}.*`);
        out.add(`${side}.${block}.${kind}.*`);
      }
    }
    out.add(`${layer}.*`);
    out.add(own);
  }
  return [...out];
}

/** A name for table and plots: "Level 1", "Decoder only", or what is frozen. */
export function choiceLabel(choice: FreezeChoice, all: readonly Placed[]): string {
  if (typeof choice === 'number') return `Level ${choice}`;
  const frozen = new Set(
    frozenNames(
      choice,
      all.map(({ name }) => name),
    ),
  );
  const sides = (['encoder', 'decoder', 'mapping'] as const).filter(
    (side) =>
      trainingOf(
        all.filter((p) => p.side === side).map(({ name }) => name),
        frozen,
      ) === 'all',
  );
  const free = all.filter(({ name }) => !frozen.has(name));
  const [only] = sides;
  if (sides.length === 1 && free.every((p) => p.side === only))
    return `${{ encoder: 'Encoder', decoder: 'Decoder', mapping: 'Mapping' }[only!]} only`;
  const parts = new Set(free.map(({ part }) => part));
  if (parts.size <= 2 && free.length === all.filter(({ part }) => parts.has(part)).length)
    return `Only ${[...parts].join(' and ')}`;
  const text = freezeText(choice);
  return `Without ${text.length > 28 ? `${text.slice(0, 27)}…` : text}`;
}

/** What a level keeps, in a sentence; null for a choice of one's own. */
export const levelText = (choice: FreezeChoice): string =>
  typeof choice === 'number'
    ? [
        'GDD: everything trains.',
        'GDD-I: convolutions and proj of the blocks stay as the teacher has them.',
        'Convolutions, proj and qkv of the blocks stay as the teacher has them.',
        'Convolutions, proj, qkv and skip of the blocks stay: norm and affine train.',
      ][choice]!
    : 'A choice of your own.';

/** What the setting should be so that a run freezes that: null where it is the method's own level. */
export const freezeSetting = (
  choice: FreezeChoice,
  method: DistilConfig['method'],
): DistilConfig['freeze'] => (choice === (method === 'gdd-i' ? 1 : 0) ? null : choice);
