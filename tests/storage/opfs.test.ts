import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openFile, privateFolder, readFile, writeFile } from '../../src/storage/opfs';
import { isFull } from '../../src/storage/write-all';
import { MemoryFiles } from '../support/memory-files';

let files: MemoryFiles;
beforeEach(() => {
  files = new MemoryFiles();
  files.install();
});
afterEach(() => vi.unstubAllGlobals());

const BYTES = Uint8Array.from({ length: 7 }, (_, i) => i + 1);
const written = async (name: string) => [
  ...new Uint8Array(await (await readFile((await privateFolder())!, name))!.arrayBuffer()),
];

test('a handle that takes three bytes at a time is asked until all are written', async () => {
  const folder = (await privateFolder())!;
  files.takes = (_path, bytes) => Math.min(3, bytes);
  expect(await writeFile(folder, 'whole', [BYTES, BYTES])).toBe(14);
  expect(await written('whole')).toEqual([...BYTES, ...BYTES]);
  const file = await openFile(folder, 'opened');
  file.write(2, BYTES);
  file.close();
  expect(await written('opened')).toEqual([0, 0, ...BYTES]);
});

test('a disk that takes no more is full, and nothing of the file is left', async () => {
  const folder = (await privateFolder())!;
  let room = 9;
  files.takes = (_path, bytes) => {
    const taken = Math.min(room, bytes);
    room -= taken;
    return taken;
  };
  const error = await writeFile(folder, 'cut', [BYTES, BYTES]).catch((e: unknown) => e);
  expect(isFull(error)).toBe(true);
  expect(await readFile(folder, 'cut')).toBeNull();
});

test('bytes that a disk said to take and did not keep are told as a full one', async () => {
  const folder = (await privateFolder())!;
  const file = await openFile(folder, 'opened');
  file.write(0, BYTES);
  files.keeps = () => 2;
  let error: unknown;
  try {
    file.write(7, BYTES);
  } catch (e) {
    error = e;
  }
  expect(isFull(error)).toBe(true);
  file.close();
});
