import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'fflate';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openModelArgument } from '../../cli/catalogue';
import { openData } from '../../cli/data';
import { encodePng } from '../../src/formats/png';

const { config } = openModelArgument('fashion-mnist-32x32-teacher');
const png = (shade: number) =>
  encodePng({ width: 4, height: 4, channels: 1, data: new Uint8Array(16).fill(shade) });

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'innate-data-'));
  for (const [folder, shade] of [
    ['cat', 10],
    ['dog', 20],
  ] as const) {
    mkdirSync(join(root, 'real', folder), { recursive: true });
    for (const k of [0, 1]) writeFileSync(join(root, 'real', folder, `${k}.png`), png(shade + k));
  }
  mkdirSync(join(root, 'set'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('links to files are followed; one that leads nowhere is an image that cannot be read', async () => {
  symlinkSync('../real/cat/0.png', join(root, 'set/a.png'));
  symlinkSync('../real/dog/1.png', join(root, 'set/b.png'));
  symlinkSync('../real/gone.png', join(root, 'set/c.png'));
  const set = await openData(join(root, 'set'), config);
  expect([set.name, set.size, (await set.read(1))?.pixels[0], await set.read(2)]).toEqual([
    'set',
    3,
    21,
    null,
  ]);
  expect(set.skipped[0]).toMatchObject({
    name: 'set/c.png',
    reason: expect.stringContaining('cannot be opened'),
  });
});

test('an image whose file was cut off after the folder was opened is skipped, not read as zeros', async () => {
  const set = await openData(join(root, 'real'), config);
  const file = join(root, 'real/dog/1.png');
  truncateSync(file, png(21).length - 4);
  expect([await set.read(3), (await set.read(2))?.pixels[0]]).toEqual([null, 20]);
  expect(set.skipped).toMatchObject([
    { name: 'real/dog/1.png', reason: expect.stringContaining('became shorter while it was read') },
  ]);
});

test('links to folders are followed, and are classes as folders are; a link back ends there', async () => {
  symlinkSync('../real/cat', join(root, 'set/cat'));
  symlinkSync('../real/dog', join(root, 'set/dog'));
  symlinkSync('..', join(root, 'real/cat/up'));
  symlinkSync('.', join(root, 'real/dog/self'));
  const set = await openData(join(root, 'set'), config);
  expect(set.classes).toEqual(['cat', 'dog']);
  // real/cat/up leads to real, which is not above set/cat: its dogs are there once more.
  expect(set.size).toBe(6);
});

test('the labels of an idx file are found beside it', async () => {
  const images = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, ...new Array(8).fill(9));
  writeFileSync(join(root, 'train-images-idx3-ubyte.gz'), gzipSync(images));
  expect((await openData(join(root, 'train-images-idx3-ubyte.gz'), config)).labelDim).toBe(0);
  writeFileSync(
    join(root, 'train-labels-idx1-ubyte.gz'),
    gzipSync(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 4, 1)),
  );
  const set = await openData(join(root, 'train-images-idx3-ubyte.gz'), config);
  expect([set.label(0), set.label(1)]).toEqual([4, 1]);
});

test('what was taken for granted is said', async () => {
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 2), }".padEnd(117);
  const bytes = new Uint8Array(128 + 16);
  bytes.set(new TextEncoder().encode(`_NUMPY\x01\x00${String.fromCharCode(118, 0)}${header}\n`));
  bytes[0] = 0x93;
  new Float32Array(bytes.buffer, 128).set([-1, 0, 0.5, 1]);
  writeFileSync(join(root, 'a.npy'), bytes);
  const notes: string[] = [];
  const set = await openData(join(root, 'a.npy'), config, { note: (text) => void notes.push(text) });
  expect(notes).toEqual(['Floating-point images: -1 was taken as black and 1 as white']);
  expect((await set.read(0))?.pixels[0]).toBe(0);
});
