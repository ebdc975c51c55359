import { join } from 'node:path';
import { build } from 'vite';
import { expect, test } from 'vitest';
import { currentNotices, installedWork, NOTICES, noticesText, packageFolders } from '../../scripts/notices';

const ROOT = join(import.meta.dirname, '../..');

test('folders of packages: scoped, nested, with queries, and what compilers add', () => {
  expect([
    ...packageFolders([
      '/p/node_modules/@a/b/dist/x.js?url',
      '/p/node_modules/c/node_modules/d/index.js',
      '/p/src/main.tsx',
    ]),
  ]).toEqual(['/p/node_modules/@a/b', '/p/node_modules/c/node_modules/d']);
  expect([...packageFolders(['\0vite/preload-helper.js'])]).toEqual([join(ROOT, 'node_modules/vite')]);
});

test('a package that brings no text of its licence gets the whole one', () => {
  const work = installedWork(join(ROOT, 'node_modules/@tensorflow/tfjs-core'));
  expect(work.licence).toBe('Apache-2.0');
  expect(work.texts.join()).toContain('TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION');
});

test('the file of the repository names everything that is bundled, and is what the build makes', async () => {
  const bundle = await build({ root: ROOT, logLevel: 'silent', build: { write: false } });
  const { output } = Array.isArray(bundle) ? bundle[0]! : (bundle as unknown as { output: never });
  const outputs = output as { fileName: string; type: string; source?: string; moduleIds?: string[] }[];
  const made = outputs.find((o) => o.fileName === NOTICES)!.source!;
  const packages = packageFolders(outputs.flatMap((o) => o.moduleIds ?? []));
  expect(packages.size).toBeGreaterThan(5);
  for (const folder of packages) expect(made).toContain(installedWork(folder).name);
  // Those of the workers' own bundles, and of the command line's.
  for (const name of [
    '@tensorflow/tfjs-backend-webgpu',
    '@jsquash/webp',
    'fflate',
    'commander',
    'assemblyscript',
  ])
    expect(made).toMatch(new RegExp(`^${name} \\d`, 'm'));
  expect(currentNotices(), `run npm run build: ${NOTICES} is not current`).toBe(made);
}, 120_000);

test('the weights stand there with their licences', () => {
  const text = noticesText([]);
  expect(text).toContain('Copyright (c) 2018 Yerlan Idelbayev');
  expect(text).toContain('Redistributions in binary form must reproduce the above copyright notice');
  for (const name of ['EfficientNet-Lite0', 'MobileNet']) expect(text).toContain(name);
  expect(text).toContain('Apache License');
});
