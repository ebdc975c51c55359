import { seedAt } from '../../../state/generate/view';
import type { ShownRow } from './use-rows';

interface Shown {
  seed: number;
  columns: number;
  classIndex: number | null;
}

/** The command that makes the same images. A file that was opened here is named as it is called, without its folder. */
export function commandFor(rows: readonly ShownRow[], { seed, columns, classIndex }: Shown): string {
  const models = rows.map((row) => quoted(row.key.replace(/^file:/, '')));
  const named = classIndex === null ? [] : ['--class', quoted(classText(rows, classIndex))];
  return ['innate compare', ...models, '--seeds', seedList(seed, columns), ...named, '--out sheet.png'].join(
    ' ',
  );
}

/** 17-20, or 0.5,1.5,2.5 between whole seeds. */
function seedList(seed: number, columns: number): string {
  const seeds = Array.from({ length: columns }, (_, i) => seedAt(seed, i));
  const last = seeds.at(-1) ?? seed;
  return Number.isInteger(seed) && last === seed + columns - 1 ? `${seed}-${last}` : seeds.join();
}

/** By name, where it has one: other models may have it under another index. */
function classText(rows: readonly ShownRow[], index: number): string {
  const source = rows.find((row) => (row.model.facts?.labelDim ?? 0) > 0)?.model.facts;
  return source?.classes?.[index] ?? String(index);
}

const quoted = (text: string): string =>
  /^[\w@.,:=/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
