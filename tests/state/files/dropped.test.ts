import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { writeNpz } from '../../../src/formats/npz';
import { sortFiles } from '../../../src/state/files/dropped';

const file = (name: string, ...bytes: number[]) => new File([Uint8Array.from(bytes)], name);
const text = (value: string) => new TextEncoder().encode(value);
const zip = (name: string, ...entries: string[]) =>
  new File(
    [
      zipSync(Object.fromEntries(entries.map((e) => [e, text('x')])), {
        level: 0,
      }) as Uint8Array<ArrayBuffer>,
    ],
    name,
  );
const names = (files: readonly File[]) => files.map(({ name }) => name);

test.each([
  ['a zip of images', zip('set.zip', '00000/img0.png', 'dataset.json'), 'data'],
  ['a zip of images by another name', zip('set.pt', 'a.png'), 'data'],
  ['a checkpoint of PyTorch', zip('net.pt', 'net/data.pkl', 'net/version'), 'checkpoint'],
  ['a checkpoint by another name', zip('net.zip', 'net/version', 'net/data/0', 'net/data.pkl'), 'checkpoint'],
  [
    'an npz',
    new File(
      [
        writeNpz({
          images: { dtype: 'u8', shape: [1, 1, 1], data: new Uint8Array(1) },
        }) as Uint8Array<ArrayBuffer>,
      ],
      'a.bin',
    ),
    'data',
  ],
  ['a pickle', file('network', 0x80, 2, 0x7d), 'checkpoint'],
  ['a batch of CIFAR-10, which is a pickle', file('data_batch_1', 0x80, 2, 0x7d), 'data'],
  ['safetensors', file('a.zip', 2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d), 'checkpoint'],
  ['a gzip archive', file('images.tar.gz', 0x1f, 0x8b, 8), 'data'],
  ['idx', file('train-images-idx3-ubyte', 0, 0, 8, 3), 'data'],
  ['an image without an ending', file('photo', 0xff, 0xd8, 0xff), 'data'],
  [
    'an archive that is not read, to be named by its reader',
    file('set.tar.zst', 0x28, 0xb5, 0x2f, 0xfd),
    'data',
  ],
  ['a damaged checkpoint, to be named by its reader', file('net.pkl', 1, 2, 3), 'checkpoint'],
])('%s', async (_, given, kind) => {
  const { checkpoints, data, refused } = await sortFiles([given]);
  expect([names(checkpoints), names(data), refused]).toEqual([
    kind === 'checkpoint' ? [given.name] : [],
    kind === 'data' ? [given.name] : [],
    null,
  ]);
});

test('of several files each goes where it belongs, and what belongs nowhere is said', async () => {
  const found = await sortFiles([
    zip('set.zip', 'a.png'),
    file('net.pkl', 0x80, 4, 0x7d),
    file('notes.txt', 65),
    file('other.pkl', 0x80, 4, 0x7d),
  ]);
  expect([names(found.data), names(found.checkpoints)]).toEqual([['set.zip'], ['net.pkl', 'other.pkl']]);
  expect(found.refused).toBe('notes.txt is neither images nor a checkpoint: left as it is.');
});

test('a folder’s labels go with its images; its readme and the litter of systems are no news', async () => {
  const found = await sortFiles([
    file('set/a.png', 0x89),
    file('set/dataset.json', 0x7b),
    file('set/readme.md', 65),
    file('set/.DS_Store', 0),
  ]);
  expect([names(found.data), found.refused]).toEqual([['set/a.png', 'set/dataset.json'], null]);
});

test('nothing usable is said', async () => {
  expect((await sortFiles([])).refused).toContain('no images and no checkpoint');
  expect((await sortFiles([file('set/readme.md', 65)])).refused).toContain('readme.md is neither');
});
