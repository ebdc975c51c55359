import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const SOURCE = join(import.meta.dirname, '../../src');

/** A class that a rule is about, alone: `.pairs` and `.pairs:hover`, not `.pairs article`, `.tool.pairs` or `.dialog:has(.code)`. */
const ALONE = /^\.([\w-]+)(?:::?(?!has\b)[\w-]+(?:\([^)]*\))?|\[[^\]]*\])*$/;

/** The feature that a style sheet belongs to, or the folder of the page that all of them share. */
const ownerOf = (path: string): string => /^features\/[^/]+/.exec(path)?.[0] ?? path.split('/')[0]!;

const selectorsOf = (css: string): string[] =>
  [...css.replace(/\/\*[\s\S]*?\*\//g, '').matchAll(/([^{};]+)\{/g)]
    .map(([, text]) => text!.trim())
    .filter((text) => !text.startsWith('@'))
    .flatMap((text) => text.split(',').map((one) => one.trim()));

const sheets = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.css'))
  .map((path) => ({
    owner: ownerOf(path),
    selectors: selectorsOf(readFileSync(join(SOURCE, path), 'utf8')),
  }));

/** Owners of the sheets in which a class stands, as `classes` finds it in a selector. */
function owners(classes: (selector: string) => string[]): Map<string, Set<string>> {
  const out = new Map<string, Set<string>>();
  for (const { owner, selectors } of sheets)
    for (const name of selectors.flatMap(classes)) out.set(name, (out.get(name) ?? new Set()).add(owner));
  return out;
}

const alone = owners((selector) => ALONE.exec(selector)?.slice(1, 2) ?? []);

test('a class has its looks from one feature: sheets of views stay loaded, and would change each other', () => {
  expect(sheets.length).toBeGreaterThan(20);
  const shared = [...alone].filter(([, of]) => of.size > 1).map(([name, of]) => [name, ...of].join(' '));
  expect(shared).toEqual([]);
});

test('no feature names a part of its own as another one names its view, which would lay it out too', () => {
  const mentioned = owners((selector) =>
    [...selector.matchAll(/\.([a-zA-Z][\w-]*)/g)].map(([, name]) => name!),
  );
  const borrowed = [...alone]
    .filter(([, of]) => [...of].every((owner) => owner.startsWith('features/')))
    .flatMap(([name, of]) =>
      [...mentioned.get(name)!]
        .filter((owner) => !of.has(owner))
        .map((owner) => `${name}: of ${[...of]}, in ${owner}`),
    );
  expect(borrowed).toEqual([]);
});
