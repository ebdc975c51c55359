import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type KeptAbout, KeptFiles } from '../../src/storage/kept-files';
import { MemoryFile, MemoryFiles } from '../support/memory-files';

let files: MemoryFiles;
beforeEach(() => {
  files = new MemoryFiles();
  files.install();
});
afterEach(() => vi.unstubAllGlobals());

const about = (key: string, bytes: number): KeptAbout => ({
  version: 1,
  key,
  name: key,
  bytes,
  precond: null,
  entry: null,
  sigma: null,
});
const keep = (key: string, value: number, length = 5) =>
  new KeptFiles().keep(
    new MemoryFile(new Uint8Array(length).fill(value), key),
    about(key, length),
    () => {},
    new AbortController().signal,
  );
const kept = async () =>
  Promise.all(
    (await new KeptFiles().list()).files.map(async ({ about, file }) => [
      about.key,
      ...new Uint8Array(await file.arrayBuffer()),
    ]),
  );
const checkpoints = () => files.root.getDirectoryHandle('checkpoints', { create: true });
const folders = async () => {
  const names: string[] = [];
  for await (const name of (await checkpoints()).keys()) names.push(name);
  return names;
};
/** As a tab leaves it that is closed in the middle of a copy. */
const broken = async (name: string) => {
  const folder = await (await checkpoints()).getDirectoryHandle(name, { create: true });
  const data = await folder.getFileHandle('data', { create: true });
  (await data.createSyncAccessHandle()).write(new Uint8Array(3), { at: 0 });
};

test('a copy that was broken off is deleted at the next visit, one that another tab makes is not', async () => {
  await keep('a', 1);
  await broken('7-gone');
  await broken('8-busy');
  files.held = ['innate-copy-8-busy'];
  expect(await kept()).toEqual([['a', 1, 1, 1, 1, 1]]);
  expect((await folders()).filter((name) => !name.startsWith('1-'))).toEqual(['8-busy']);
});

test('where the browser cannot say who copies, nothing is deleted', async () => {
  await broken('7-gone');
  vi.stubGlobal('navigator', { ...navigator, locks: undefined });
  expect(await kept()).toEqual([]);
  expect(await folders()).toEqual(['7-gone']);
});

test('a file is replaced once its new copy is whole; where that fails the old one stays', async () => {
  await keep('a', 1);
  await keep('b', 2);
  files.takes = (path, bytes) => (path.endsWith('/data') ? 0 : bytes);
  await expect(keep('a', 3)).rejects.toThrow('no room');
  files.takes = (_path, bytes) => bytes;
  expect(await kept()).toEqual([
    ['a', 1, 1, 1, 1, 1],
    ['b', 2, 2, 2, 2, 2],
  ]);
  await keep('a', 4);
  expect(await kept()).toEqual([
    ['b', 2, 2, 2, 2, 2],
    ['a', 4, 4, 4, 4, 4],
  ]);
  expect(await folders()).toHaveLength(2);
});

test('of two whole copies the later counts, and deleting the file deletes both', async () => {
  await keep('a', 1);
  const first = (await folders())[0]!;
  const old = await (await checkpoints()).getDirectoryHandle(first);
  const again = await (await checkpoints()).getDirectoryHandle('12-later', { create: true });
  for (const name of ['data', 'about.json']) {
    const bytes = (await old.getFileHandle(name)).bytes.slice();
    if (name === 'data') bytes.fill(9);
    (await again.getFileHandle(name, { create: true })).bytes = bytes;
  }
  expect(await kept()).toEqual([['a', 9, 9, 9, 9, 9]]);
  await new KeptFiles().drop('a');
  expect(await folders()).toEqual([]);
});

test('two copies that begin at once have a folder each', async () => {
  await Promise.all([keep('a', 1), keep('b', 2)]);
  expect(new Map((await kept()).map(([key, value]) => [key, value]))).toEqual(
    new Map([
      ['a', 1],
      ['b', 2],
    ]),
  );
});
