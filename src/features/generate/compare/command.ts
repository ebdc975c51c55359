import { type ClassMix, ownWeight, sharesOf } from '../../../lib/class-mix';
import { seedAt } from '../../../state/generate/view';
import type { ShownRow } from './use-rows';

interface Shown {
  seed: number;
  columns: number;
  classIndex: number | null;
  mix: ClassMix;
  temperature: number;
}

/** The command that makes the same images. A file that was opened here is named as it is called, without its folder. */
export function commandFor(
  rows: readonly ShownRow[],
  { seed, columns, classIndex, mix, temperature }: Shown,
): string {
  const models = rows.map((row) => quoted(row.key.replace(/^file:/, '')));
  const named =
    classIndex === null && mix.length === 0 ? [] : ['--class', quoted(classesText(rows, classIndex, mix))];
  const warm = temperature === 1 ? [] : [`--temperature ${temperature}`];
  const images = ['--seeds', seedList(seed, columns), ...named, ...warm];
  return ['innate compare', ...models, ...images, '--out sheet.png'].join(' ');
}

/** 17-20, or 0.5,1.5,2.5 between whole seeds. */
function seedList(seed: number, columns: number): string {
  const seeds = Array.from({ length: columns }, (_, i) => seedAt(seed, i));
  const last = seeds.at(-1) ?? seed;
  return Number.isInteger(seed) && last === seed + columns - 1 ? `${seed}-${last}` : seeds.join();
}

/** Several with their weights; `auto` is the class of each seed. */
function classesText(rows: readonly ShownRow[], own: number | null, mix: ClassMix): string {
  if (own === null) {
    const others = mix.map(({ index, weight }) => `${classText(rows, index)}:${weight}`);
    return [...(ownWeight(mix) > 0 ? [`auto:${ownWeight(mix)}`] : []), ...others].join();
  }
  if (mix.length === 0) return classText(rows, own);
  return sharesOf(own, mix)
    .map(({ index, weight }) => `${classText(rows, index)}:${weight}`)
    .join();
}

/** By name, where it has one: other models may have it under another index. */
function classText(rows: readonly ShownRow[], index: number): string {
  const source = rows.find((row) => (row.model.facts?.labelDim ?? 0) > 0)?.model.facts;
  return source?.classes?.[index] ?? String(index);
}

const quoted = (text: string): string =>
  /^[\w@.,:=/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
