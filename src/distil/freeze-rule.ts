import { InnateError } from '../lib/errors';
import type { DistilConfig, FreezeChoice, FreezeLevel } from './config';

/**
 * What a choice freezes, by the names of parameters alone. In globs * stands for any characters, dots too, ? for one;
 * "model." may be left out.
 */

/** Parts of a U-Net block that a level freezes (train.py --freeze of Zyriix/D2O). */
const FROZEN_PARTS: Readonly<Record<FreezeLevel, RegExp | null>> = {
  0: null,
  1: /conv|proj/,
  2: /conv|proj|qkv/,
  3: /conv|proj|qkv|skip/,
};

/** The published rule for what is part of a block: encoder and decoder, the down and up blocks and in0, in1. */
const IN_BLOCK = /block|up|down|in/;

/** What a run freezes: as chosen, else the method's own level. */
export const freezeChoice = ({ method, freeze }: Pick<DistilConfig, 'method' | 'freeze'>): FreezeChoice =>
  freeze ?? (method === 'gdd-i' ? 1 : 0);

/** "1", or "enc.*,map_*": as `--freeze` and a recipe take it. */
export const freezeText = (choice: FreezeChoice): string =>
  typeof choice === 'number' ? String(choice) : choice.join(',');

/** Those of a network's trainable parameters that a choice freezes, in their order. */
export function frozenNames(choice: FreezeChoice, names: readonly string[]): string[] {
  if (typeof choice !== 'number') return matchGlobs(choice, names);
  const parts = FROZEN_PARTS[choice];
  return names.filter((name) => parts !== null && IN_BLOCK.test(name) && parts.test(name));
}

/**
 * Whether each step goes back through an encoder of which nothing trains: the result of the mapping network enters its
 * blocks, so the gradient of a mapping network that trains comes through them.
 */
export function throughFrozenEncoder(frozen: ReadonlySet<string>, names: readonly string[]): boolean {
  const of = (start: string) => names.filter((name) => short(name).startsWith(start));
  const encoder = of('enc.');
  return (
    encoder.length > 0 &&
    encoder.every((name) => frozen.has(name)) &&
    of('map_').some((name) => !frozen.has(name))
  );
}

/** Names that a mistyped glob is answered with. */
const NEAR = 3;

const short = (name: string): string => name.replace(/^model\./, '');

function pattern(glob: string): RegExp {
  const body = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return new RegExp(`^(?:model\\.)?${body}$`);
}

/**
 * The names that at least one glob matches, in their own order. Throws a `bad-argument` error that names near parameters
 * where a glob matches none: a mistyped one would freeze nothing and nobody would notice.
 */
function matchGlobs(globs: readonly string[], names: readonly string[]): string[] {
  const matched = new Set<string>();
  for (const glob of globs) {
    const regex = pattern(glob);
    const found = names.filter((name) => regex.test(name));
    if (found.length === 0)
      throw new InnateError('bad-argument', 'no parameter has such a name', {
        where: glob,
        expected: `a glob over names such as ${nearNames(glob, names).join(', ')}`,
        hint: '* stands for any characters, as in enc.* or *.conv0.*',
      });
    for (const name of found) matched.add(name);
  }
  return names.filter((name) => matched.has(name));
}

/** The names that share most with a glob, by pairs of characters; each layer once. */
function nearNames(glob: string, names: readonly string[]): string[] {
  const wanted = pairs(glob.replace(/[*?]+/g, ' '));
  const layers = new Set<string>();
  return names
    .map((name) => ({ name: short(name), shared: overlap(wanted, pairs(short(name))) }))
    .sort((a, b) => b.shared - a.shared)
    .flatMap(({ name }) => {
      const layer = name.replace(/\.[^.]+$/, '');
      if (layers.has(layer)) return [];
      layers.add(layer);
      return [name];
    })
    .slice(0, NEAR);
}

function pairs(text: string): Set<string> {
  const out = new Set<string>();
  for (let i = 0; i + 1 < text.length; i++) {
    const pair = text.slice(i, i + 2).toLowerCase();
    if (!pair.includes(' ')) out.add(pair);
  }
  return out;
}

/** Dice's coefficient. */
function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const pair of a) if (b.has(pair)) shared++;
  return (2 * shared) / Math.max(1, a.size + b.size);
}
