import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const SOURCE = join(import.meta.dirname, '../../src');

/** A class that a rule is about, alone: `.pairs` and `.pairs:hover`, not `.pairs article`, `.tool.pairs` or `.dialog:has(.code)`. */
const ALONE = /^\.([\w-]+)(?:::?(?!has\b)[\w-]+(?:\([^)]*\))?|\[[^\]]*\])*$/;

/** The feature that a style sheet belongs to, or the folder of the page that all of them share. */
const ownerOf = (path: string): string => /^features\/[^/]+/.exec(path)?.[0] ?? path.split('/')[0]!;

/** Classes that the rules of a sheet are about. */
function classesOf(css: string): Set<string> {
  const selectors = [...css.replace(/\/\*[\s\S]*?\*\//g, '').matchAll(/([^{};]+)\{/g)]
    .map(([, text]) => text!.trim())
    .filter((text) => !text.startsWith('@'))
    .flatMap((text) => text.split(',').map((one) => one.trim()));
  return new Set(selectors.flatMap((selector) => ALONE.exec(selector)?.[1] ?? []));
}

test('a class has its looks from one feature: sheets of views stay loaded, and would change each other', () => {
  const owners = new Map<string, Set<string>>();
  const sheets = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.css'),
  );
  expect(sheets.length).toBeGreaterThan(20);
  for (const sheet of sheets)
    for (const name of classesOf(readFileSync(join(SOURCE, sheet), 'utf8')))
      owners.set(name, (owners.get(name) ?? new Set()).add(ownerOf(sheet)));
  const shared = [...owners].filter(([, of]) => of.size > 1).map(([name, of]) => [name, ...of].join(' '));
  expect(shared).toEqual([]);
});
