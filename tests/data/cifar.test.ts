import { execFileSync } from 'node:child_process';
import { gzipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { openDataset } from '../../src/data';
import { gunzip } from '../../src/data/tar';
import { pythonCommand, pythonRuns } from '../support/python';
import { source } from './helpers';

const PIXELS = 3072;
const pixel = (image: number, k: number) => (image * 31 + k * 7) & 255;

/** Two images a batch, with the labels given. */
function binaryBatch(first: number, labels: readonly number[]): Uint8Array {
  const out = new Uint8Array(labels.length * (PIXELS + 1));
  for (const [n, label] of labels.entries()) {
    out[n * (PIXELS + 1)] = label;
    for (let k = 0; k < PIXELS; k++) out[n * (PIXELS + 1) + 1 + k] = pixel(first + n, k);
  }
  return out;
}

const latin = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** As Python 2 pickled it, protocol 2: str keys and data (`text`), or with bytes as Python 3 does. */
function pickledBatch(first: number, labels: readonly number[], python2 = true): Uint8Array {
  const data = new Uint8Array(labels.length * PIXELS);
  for (let n = 0; n < labels.length; n++)
    for (let k = 0; k < PIXELS; k++) data[n * PIXELS + k] = pixel(first + n, k);
  const u32 = (n: number) => String.fromCharCode(n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24);
  const str = (s: string) =>
    python2 ? `U${String.fromCharCode(s.length)}${s}` : `C${String.fromCharCode(s.length)}${s}`;
  const head =
    '\x80\x02}(' +
    `${str('batch_label')}${str('training batch 1 of 5')}` +
    `${str('labels')}](${labels.map((l) => `K${String.fromCharCode(l)}`).join('')}e` +
    `${str('data')}cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR(K\x01` +
    `K${String.fromCharCode(labels.length)}M\x00\x0c\x86cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89` +
    `${python2 ? 'T' : 'B'}${u32(data.length)}`;
  const bytes = latin(head);
  const tail = latin('tbu.');
  const out = new Uint8Array(bytes.length + data.length + tail.length);
  out.set(bytes);
  out.set(data, bytes.length);
  out.set(tail, bytes.length + data.length);
  return out;
}

function tar(files: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const [name, data] of files) {
    const header = new Uint8Array(512);
    header.set(latin(name));
    header.set(latin('0000644\0'), 100);
    header.set(latin(`${data.length.toString(8).padStart(11, '0')}\0`), 124);
    header.set(latin('        0'), 148);
    header.set(latin('ustar\x0000'), 257);
    const sum = header.reduce((a, b) => a + b, 0);
    header.set(latin(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
    const padded = new Uint8Array(Math.ceil(data.length / 512) * 512);
    padded.set(data);
    blocks.push(header, padded);
  }
  blocks.push(new Uint8Array(1024));
  const out = new Uint8Array(blocks.reduce((a, b) => a + b.length, 0));
  let at = 0;
  for (const block of blocks) {
    out.set(block, at);
    at += block.length;
  }
  return out;
}

const binary = tar([
  ['cifar-10-batches-bin/batches.meta.txt', latin('airplane\n')],
  // Not in order, as in the real archives.
  ['cifar-10-batches-bin/data_batch_2.bin', binaryBatch(2, [3, 9])],
  ['cifar-10-batches-bin/data_batch_1.bin', binaryBatch(0, [6, 0])],
  ['cifar-10-batches-bin/test_batch.bin', binaryBatch(50, [8])],
]);
const python = tar([
  ['cifar-10-batches-py/data_batch_2', pickledBatch(2, [3, 9], false)],
  ['cifar-10-batches-py/data_batch_1', pickledBatch(0, [6, 0])],
  ['cifar-10-batches-py/readme.html', latin('<html>')],
  ['cifar-10-batches-py/test_batch', pickledBatch(50, [8])],
]);

describe.each([
  ['cifar-10-binary.tar.gz', binary],
  ['cifar-10-python.tar.gz', python],
])('%s', (name, archive) => {
  test.each([
    ['gzipped', gzipSync(archive)],
    ['as a tar', archive],
  ])('%s', async (_, bytes) => {
    const progress: number[] = [];
    const set = await openDataset(source(bytes, name), { onProgress: (f) => progress.push(f) });
    expect(set).toMatchObject({ name, size: 4, labelDim: 10, resolution: 32, channels: 3 });
    expect(set.classes![6]).toBe('frog');
    for (let i = 0; i < 4; i++)
      expect(await set.read(i)).toEqual({
        pixels: Uint8Array.from({ length: PIXELS }, (_, k) => pixel(i, k)),
        label: [6, 0, 3, 9][i],
      });
    if (bytes !== archive) expect(progress.at(-1)).toBe(1);
  });

  test('its test part', async () => {
    const set = await openDataset(source(gzipSync(archive), name), { split: 'test' });
    expect([set.size, set.label(0), (await set.read(0))!.pixels[1]]).toEqual([1, 8, pixel(50, 1)]);
  });

  test('at another size, in grey', async () => {
    const set = await openDataset(source(archive, name), { resolution: 16, channels: 1 });
    expect([set.size, (await set.read(2))!.pixels.length]).toEqual([4, 256]);
  });

  test('cut off or changed, it is an error', async () => {
    const whole = gzipSync(archive);
    for (const length of [20, 500, whole.length - 100, whole.length - 4])
      await expect(openDataset(source(whole.subarray(0, length), name))).rejects.toMatchObject({
        code: 'bad-file',
      });
    const changed = whole.slice();
    changed[whole.length - 6]! ^= 1;
    await expect(openDataset(source(changed, name))).rejects.toMatchObject({ code: 'bad-file' });
  });
});

/** Labels of the fine kind: of the coarse one, and then of the fine one, in each record. */
const binary100 = (first: number, labels: readonly number[]) => {
  const records = binaryBatch(
    first,
    labels.map(() => 0),
  );
  const out = new Uint8Array(labels.length * (2 + PIXELS));
  for (const [n, label] of labels.entries()) {
    out.set([7, label], n * (2 + PIXELS));
    out.set(records.subarray(n * (1 + PIXELS) + 1, (n + 1) * (1 + PIXELS)), n * (2 + PIXELS) + 2);
  }
  return out;
};
const fine = (first: number, labels: readonly number[]) => {
  const text = Buffer.from(pickledBatch(first, labels)).toString('latin1');
  return Buffer.from(text.replace('U\x06labels', 'U\x0bfine_labels'), 'latin1');
};

test.each([
  [
    'cifar-100-binary.tar.gz',
    [
      ['cifar-100-binary/train.bin', binary100(0, [99, 4])],
      ['cifar-100-binary/test.bin', binary100(50, [3])],
    ],
  ],
  [
    'cifar-100-python.tar.gz',
    [
      ['cifar-100-python/meta', latin('x')],
      ['cifar-100-python/train', fine(0, [99, 4])],
      ['cifar-100-python/test', fine(50, [3])],
    ],
  ],
] as const)('%s', async (name, files) => {
  const set = await openDataset(source(gzipSync(tar(files)), name));
  expect(set).toMatchObject({ name, size: 2, labelDim: 100, resolution: 32, channels: 3, classes: null });
  expect(await set.read(1)).toEqual({
    pixels: Uint8Array.from({ length: PIXELS }, (_, k) => pixel(1, k)),
    label: 4,
  });
  const loose = await openDataset(
    files.map(([path, data]) => source(data, path)),
    { split: 'test' },
  );
  expect([loose.name, loose.size, loose.label(0)]).toEqual(['CIFAR-100', 1, 3]);
});

test('unpacked batches, chosen as files', async () => {
  const set = await openDataset([
    source(binaryBatch(2, [3]), 'cifar/data_batch_2.bin'),
    source(binaryBatch(0, [6]), 'cifar/data_batch_1.bin'),
    source(binaryBatch(5, [1]), 'cifar/test_batch.bin'),
  ]);
  expect([set.size, set.label(0), set.label(1)]).toEqual([2, 6, 3]);
});

test.each([
  ['labels beyond ten', tar([['data_batch_1.bin', binaryBatch(0, [10])]]), 'not one of the classes'],
  ['half an image', tar([['data_batch_1.bin', new Uint8Array(4000)]]), 'whole number of images'],
  ['another archive', tar([['svhn/train', new Uint8Array(9)]]), 'no images'],
  ['a pickle of something else', tar([['data_batch_1', latin('\x80\x02}.')]]), 'no images or labels'],
  [
    'a pickle whose code is no more than a name here',
    tar([['data_batch_1', latin("cos\nsystem\n(S'true'\ntR.")]]),
    'no images or labels',
  ],
])('%s: an error', async (_, bytes, message) => {
  await expect(openDataset(source(bytes, 'a.tar'))).rejects.toThrow(message);
});

test('a gzip bomb is refused before it fills the memory', async () => {
  const bomb = source(gzipSync(new Uint8Array(64 * 2 ** 20)), 'bomb.tar.gz');
  let most = 0;
  const sink = (bytes: Uint8Array) => {
    most += bytes.length;
  };
  await expect(gunzip(bomb, sink, { where: 'bomb', maxOutput: 2 ** 20 })).rejects.toMatchObject({
    code: 'refused',
  });
  expect(most).toBeLessThanOrEqual(2 ** 20);
});

test('a tar that claims gigabytes costs nothing', async () => {
  const archive = tar([['data_batch_1.bin', binaryBatch(0, [1])]]);
  archive.set(latin('77777777777\0'), 124);
  archive.fill(32, 148, 156);
  const sum = archive.subarray(0, 512).reduce((a, b) => a + b, 0);
  archive.set(latin(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
  for (const bytes of [archive, gzipSync(archive)])
    await expect(openDataset(source(bytes, 'a.tar'))).rejects.toMatchObject({
      code: expect.stringMatching('refused|bad-file'),
    });
});

test('opening can be cancelled', async () => {
  const abort = new AbortController();
  const opening = openDataset(source(gzipSync(binary), 'c.tar.gz'), { signal: abort.signal });
  abort.abort();
  await expect(opening).rejects.toMatchObject({ code: 'cancelled' });
});

test.skipIf(!pythonRuns('import numpy'))('what Python pickles today', async () => {
  const script = `
import pickle, sys, numpy as np
k = np.arange(3072)
data = np.stack([(n * 31 + k * 7) % 256 for n in range(3)]).astype(np.uint8)
sys.stdout.buffer.write(pickle.dumps({b'data': data, b'labels': [4, 5, 6]}, protocol=int(sys.argv[1])))`;
  for (const protocol of ['2', '4', '5']) {
    const bytes = execFileSync(pythonCommand, ['-c', script, protocol]);
    const set = await openDataset(source(new Uint8Array(bytes), 'data_batch_1'));
    expect([set.size, set.label(2), (await set.read(1))!.pixels[2]]).toEqual([3, 6, pixel(1, 2)]);
  }
});
