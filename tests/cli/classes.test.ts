import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { classOf, type NamedClasses, noSuchClass } from '../../cli/class-argument';
import { withSynonyms } from '../../src/lib/class-names';
import { parseClassNames } from '../../src/storage/catalogue';
import { innate } from '../support/cli';
import { tinyAdm } from '../support/tiny-adm';

const folder = mkdtempSync(join(tmpdir(), 'innate-classes-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = readFileSync('public/models/classes/imagenet-1000.json', 'utf8');
const { names, synonyms } = withSynonyms(parseClassNames(file, 1000, 'imagenet-1000.json'));
const IMAGENET: NamedClasses = { labelDim: 1000, classes: names, synonyms };
const CLOTHES: NamedClasses = { labelDim: 2, classes: ['shirt', 'sneaker'], synonyms: null };

describe('--class', () => {
  test.each<[string, NamedClasses, number | null]>([
    ['283', IMAGENET, 283],
    ['persian cat', IMAGENET, 283],
    ['puma', IMAGENET, 286],
    ['1000', IMAGENET, null],
    ['cat', IMAGENET, null],
    ['Sneaker', CLOTHES, 1],
    ['2', CLOTHES, null],
    ['shirt', { labelDim: 2, classes: null, synonyms: null }, null],
  ])('%s', (text, list, index) => expect(classOf(text, list)).toBe(index));

  test('a name of two classes is refused with both numbers', () => {
    expect(() => classOf('crane', IMAGENET)).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ found: '134 (crane) and 517 (crane)' }) }),
    );
  });

  test('what is none is told what there is', () => {
    expect(noSuchClass('cat', IMAGENET).describe()).toMatch(
      /0 to 999 or a name such as tiger cat, Persian cat/,
    );
    expect(noSuchClass('qzx', IMAGENET).describe()).toMatch(/0 to 999 or a name\)/);
    expect(noSuchClass('hat', CLOTHES).describe()).toMatch(/0 to 1 or shirt, sneaker/);
  });

  test('a file of a thousand classes takes names of ImageNet', () => {
    const path = join(folder, 'tiny.safetensors');
    writeFileSync(path, tinyAdm());
    const out = join(folder, 'cat.npz');
    const made = (chosen: string) =>
      innate('generate', path, '--seeds', '0', '--class', chosen, '--out', out, '--backend', 'wasm');
    expect(made('persian cat').status).toBe(0);
    const named = readFileSync(out);
    expect(made('283').status).toBe(0);
    expect(readFileSync(out).equals(named)).toBe(true);
    const wrong = made('persian');
    expect(wrong.status).not.toBe(0);
    expect(wrong.stderr).toMatch(/no such class.*a name such as Persian cat/);
  });
});
