import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildWorker, HEADERS, POLICY, publicFiles } from '../../scripts/vite-page';

test('every public file has its digest, in folders too', () => {
  const root = mkdtempSync(join(tmpdir(), 'innate-public-'));
  mkdirSync(join(root, 'data'));
  writeFileSync(join(root, 'data/cats.zip'), 'cats');
  const before = publicFiles(root);
  expect(Object.keys(before)).toEqual(['data/cats.zip']);
  writeFileSync(join(root, 'data/cats.zip'), 'dogs');
  expect(publicFiles(root)['data/cats.zip']).not.toBe(before['data/cats.zip']);
});

test('the worker changes with the contents of the page and of every public file, and with nothing else', async () => {
  const build = (page: string, digest: string) =>
    buildWorker(
      [
        ['index.html', page],
        ['assets/a.js', 'code'],
      ],
      { 'data/cats.zip': digest },
      [],
    );
  const first = await build('<html>', 'd1');
  expect(await build('<html>', 'd1')).toBe(first);
  expect(await build('<html lang=en>', 'd1')).not.toBe(first);
  expect(await build('<html>', 'd2')).not.toBe(first);
  expect(first).toContain(JSON.stringify(POLICY).slice(1, -1));
});

test('what hosts are told to send is what the page sends', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/hosting.md'), 'utf8');
  for (const [name, value] of Object.entries(HEADERS)) expect(text).toContain(`    ${name}: ${value}\n`);
});
