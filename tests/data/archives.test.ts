import { gzipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { type Dataset, type DatasetOptions, openDataset } from '../../src/data';
import { npzSet } from '../../src/data/npz-set';
import { encodePng } from '../../src/formats/png';
import type { Source } from '../../src/formats/source';
import { openZip, readEntry } from '../../src/formats/zip';
import { DATA, decoders, file, source, zip } from './helpers';

/** Formats that people have their sets in, told apart by content. */
const png = (shade: number): Uint8Array =>
  encodePng({ width: 4, height: 4, channels: 1, data: new Uint8Array(16).fill(shade) });
const text = (value: string) => new TextEncoder().encode(value);
const open = (sources: Source | Source[], options: DatasetOptions = {}) =>
  openDataset(sources, { decoders, ...options });

async function contents(set: Dataset) {
  const found: [number | null, number | null][] = [];
  for (let i = 0; i < set.size; i++) found.push([(await set.read(i))?.pixels[0] ?? null, set.label(i)]);
  return found;
}

/** A plain tar of POSIX. */
function tar(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, data] of Object.entries(files)) {
    const header = new Uint8Array(512);
    const put = (value: string, at: number) => header.set(text(value), at);
    put(name, 0);
    put('0000644\0', 100);
    put(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
    put('        ', 148);
    put('0', 156);
    put('ustar\x0000', 257);
    const sum = header.reduce((a, b) => a + b, 0);
    put(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    const padded = new Uint8Array(512 * Math.ceil(data.length / 512));
    padded.set(data);
    parts.push(header, padded);
  }
  parts.push(new Uint8Array(1024));
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function idx(shape: number[], values: number[]): Uint8Array {
  const head = shape.flatMap((n) => [0, 0, n >> 8, n & 255]);
  return Uint8Array.of(0, 0, 8, shape.length, ...head, ...values);
}

describe('tar', () => {
  const classes = {
    'set/cat/1.png': png(1),
    'set/cat/2.png': png(2),
    'set/dog/1.png': png(3),
    'set/x.txt': text('x'),
  };

  test.each([
    ['plain', tar(classes)],
    ['gzipped', gzipSync(tar(classes))],
  ])('class folders, %s', async (_, bytes) => {
    const set = await open(source(bytes, 'pets'));
    expect(set.classes).toEqual(['cat', 'dog']);
    expect(await contents(set)).toEqual([
      [1, 0],
      [2, 0],
      [3, 1],
    ]);
  });

  test('a WebDataset has its classes beside its images, in one shard or several', async () => {
    const shard = (from: number) =>
      tar({
        [`00${from}.cls`]: text(`${from}\n`),
        [`00${from}.png`]: png(10 * from),
        [`00${from}.json`]: text('{}'),
        [`00${from + 1}.png`]: png(10 * from + 10),
        [`00${from + 1}.cls`]: text(`${from + 1}`),
      });
    expect(await contents(await open(source(shard(1), 'a.tar')))).toEqual([
      [10, 1],
      [20, 2],
    ]);
    const both = [source(shard(3), 's/00001.tar'), source(shard(1), 's/00000.tar')];
    expect((await contents(await open(both))).map(([, label]) => label)).toEqual([1, 2, 3, 4]);
    const half = tar({ 'a.png': png(1), 'a.cls': text('1'), 'b.png': png(2) });
    await expect(open(source(half, 'a.tar'))).rejects.toThrow('not every image has a label');
  });

  test.each(['names-gnu.tar.gz', 'names-pax.tar.gz'])(
    '%s, written by Python, with long names',
    async (name) => {
      const set = await open(file(DATA, name));
      expect(set.classes).toEqual([`café ${'x'.repeat(120)}`, 'dogs']);
      expect((await contents(set)).map(([shade]) => shade)).toEqual([10, 11, 20, 21]);
    },
  );

  test('a dataset.json inside counts', async () => {
    const json = text('{"labels": [["a/1.png", 4]]}');
    const set = await open(source(tar({ './a/1.png': png(9), './dataset.json': json }), 'a.tar'));
    expect(await contents(set)).toEqual([[9, 4]]);
  });
});

test('compressed shards are one set, like plain ones', async () => {
  const shard = (n: number) => gzipSync(tar({ 'x.png': png(n), 'x.cls': text(`${n}`) }));
  const set = await open([source(shard(2), 's-1.tar.gz'), source(shard(1), 's-0.tar.gz')]);
  expect(await contents(set)).toEqual([
    [1, 1],
    [2, 2],
  ]);
});

test.each([700, 1500])('a tar that ends after %i bytes is cut off', async (length) => {
  const whole = tar({ 'a/1.png': png(1), 'b/2.png': png(2) });
  await expect(open(source(whole.subarray(0, length), 'x.tar'))).rejects.toThrow('cut off');
});

describe('idx', () => {
  const images = idx([3, 2, 2], [0, 0, 0, 0, 50, 50, 50, 50, 90, 90, 90, 90]);
  const labels = idx([3], [7, 0, 2]);

  test.each([
    ['plain', images, labels],
    ['gzipped', gzipSync(images), gzipSync(labels)],
  ])('%s, alone and with its labels', async (_, pixels, classes) => {
    const alone = await open(source(pixels, 'train-images-idx3-ubyte'));
    expect([alone.labelDim, alone.resolution, alone.channels]).toEqual([0, 2, 1]);
    const set = await open([
      source(classes, 'train-labels-idx1-ubyte'),
      source(pixels, 'train-images-idx3-ubyte'),
    ]);
    expect(await contents(set)).toEqual([
      [0, 7],
      [50, 0],
      [90, 2],
    ]);
  });

  test('of a folder with a training and a test part, the part that is asked for', async () => {
    const folder = [
      source(idx([1, 2, 2], [8, 8, 8, 8]), 'mnist/t10k-images.idx3-ubyte'),
      source(idx([1], [5]), 'mnist/t10k-labels.idx1-ubyte'),
      source(images, 'mnist/train-images.idx3-ubyte'),
      source(labels, 'mnist/train-labels.idx1-ubyte'),
    ];
    expect((await open(folder)).size).toBe(3);
    expect(await contents(await open(folder, { split: 'test' }))).toEqual([[8, 5]]);
  });

  test('damage is said', async () => {
    await expect(open(source(labels, 'train-labels-idx1-ubyte'))).rejects.toThrow(
      'labels without their images',
    );
    await expect(open(source(images.subarray(0, 20), 'x'))).rejects.toThrow('shorter than its header says');
    const others = [source(idx([2], [1, 1]), 'a-labels'), source(images, 'a-images')];
    await expect(open(others)).rejects.toThrow('the labels and the images differ in number');
  });
});

test('an archive alone in a folder is opened, whatever its name', async () => {
  const files = [source(zip({ 'a.png': png(5) }), 'set/data.bin2'), source(text('about'), 'set/readme.md')];
  expect(await contents(await open(files))).toEqual([[5, null]]);
});

test('bytes in front of a zip, or after it, do not hide it', async () => {
  const archive = zip({ 'a.png': png(5) });
  const front = Uint8Array.from([...text('#!/bin/sh\n'), ...archive]);
  const behind = Uint8Array.from([...archive, 10, 10]);
  for (const bytes of [front, behind])
    expect(await contents(await open(source(bytes, 'set.bin')))).toEqual([[5, null]]);
});

test('an archive beside images is said to be left alone', async () => {
  const set = await open([source(png(1), 'a.png'), source(zip({ 'b.png': png(2) }), 'b.zip')]);
  expect(set.size).toBe(1);
  expect(set.notes).toEqual(["Beside the images, not opened: 'b.zip'"]);
});

test('images whose names say nothing are found by content', async () => {
  expect(await contents(await open([source(png(1), 'a/0'), source(png(2), 'a/1')]))).toHaveLength(2);
});

test.each([
  ['\x28\xb5\x2f\xfd0000', 'Zstandard'],
  ['PAR100000', 'Parquet'],
  ['\x89HDF\r\n\x1a\n', 'HDF5'],
  ['\xfd7zXZ\0', 'xz'],
])('%s is named', async (start, name) => {
  const bytes = Uint8Array.from(start, (c) => c.charCodeAt(0));
  await expect(open(source(bytes, 'set.tar.zst'))).rejects.toMatchObject({
    code: 'unsupported',
    detail: { found: expect.stringContaining(name) },
  });
});

describe('numpy', () => {
  test('entries of other types are not looked at; labels of any whole type', async () => {
    const set = await open(file(DATA, 'arrays-unused.npz'));
    expect((await contents(set)).map(([, label]) => label)).toEqual([3, 1]);
  });

  const entries = openZip(file(DATA, 'arrays-kinds.npz'));
  /** Pixels of both images of np.arange(24).reshape(2, 2, 2, 3), as the array's values mean them. */
  const counted = Array.from({ length: 24 }, (_, i) => i);
  test.each(entries.map(({ name }) => [name.replace('.npy', '')]))('%s', async (name) => {
    const entry = entries.find((e) => e.name === `${name}.npy`)!;
    const set = await open(source(readEntry(entry, 1 << 16), 'a.npy'));
    const pixels = [(await set.read(0))!.pixels, (await set.read(1))!.pixels];
    const wanted = counted.map((v) => (name === 'b' ? (v % 2 === 0 ? 255 : 0) : v));
    for (const i of [0, 1])
      for (let k = 0; k < 12; k++)
        expect(pixels[i]![k]).toBe(wanted[12 * i + 3 * (k % 4) + Math.floor(k / 4)]);
    expect(set.notes.length).toBe(name.includes('f') && name !== 'f_u1' ? 1 : 0);
  });

  test('50,000 images of 64 x 64 open at once: only what is needed is read', async () => {
    const header = (descr: string, shape: string) => {
      const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
      const length = 128 - 10;
      return `\x93NUMPY\x01\x00${String.fromCharCode(length, 0)}${dict.padEnd(length - 1)}\n`;
    };
    const entry = (name: string, head: string, bytes: number) => ({ name, head, bytes });
    const files = [
      entry('arr_0.npy', header('|u1', '(50000, 64, 64, 3)'), 50_000 * 64 * 64 * 3),
      entry('arr_1.npy', header('<i8', '(50000,)'), 400_000),
    ];
    const { bytes, size } = sparseZip(files);
    let read = 0;
    const sparse: Source = {
      name: 'samples_50000x64x64x3.npz',
      size,
      read(offset, length) {
        read += length;
        return bytes(offset, length);
      },
    };
    const set = npzSet(sparse);
    expect([set.size, set.labelDim]).toEqual([50_000, 1]);
    expect(read).toBeLessThan(2 ** 20);
  });
});

test.each([
  ['the first of two entries of a name', 'a.png'],
  ['labels', 'dataset.json'],
])('of %s the last counts, as in Python', async (_, name) => {
  // Two names of one length: one is made to be the other.
  const other = name.replace(/^./, 'z');
  const files = {
    'a.png': png(1),
    'dataset.json': '{"labels": [["a.png", 1]]}',
    [other]: name === 'a.png' ? png(2) : '{"labels": [["a.png", 2]]}',
  };
  const bytes = Buffer.from(Buffer.from(zip(files)).toString('latin1').replaceAll(other, name), 'latin1');
  expect(await contents(await open(source(bytes)))).toEqual([name === 'a.png' ? [2, 1] : [1, 2]]);
});

/** A zip of stored files that are zeros behind their heads, without their zeros. */
function sparseZip(files: readonly { name: string; head: string; bytes: number }[]) {
  const pieces: [number, Uint8Array][] = [];
  let at = 0;
  const add = (part: Uint8Array) => {
    pieces.push([at, part]);
    at += part.length;
  };
  const record = (signature: number, length: number, fields: [number, number, 2 | 4][]) => {
    const view = new DataView(new ArrayBuffer(length));
    view.setUint32(0, signature, true);
    for (const [offset, value, width] of fields)
      width === 2 ? view.setUint16(offset, value, true) : view.setUint32(offset, value, true);
    return new Uint8Array(view.buffer);
  };
  const places = files.map(({ name, head, bytes }) => {
    const start = at;
    const size = head.length + bytes;
    add(
      record(0x04034b50, 30, [
        [18, size, 4],
        [22, size, 4],
        [26, name.length, 2],
      ]),
    );
    add(text(name));
    add(Uint8Array.from(head, (c) => c.charCodeAt(0)));
    at += bytes;
    return { name, start, size };
  });
  const directory = at;
  for (const { name, start, size } of places) {
    add(
      record(0x02014b50, 46, [
        [20, size, 4],
        [24, size, 4],
        [28, name.length, 2],
        [42, start, 4],
      ]),
    );
    add(text(name));
  }
  const length = at - directory;
  add(
    record(0x06054b50, 22, [
      [8, files.length, 2],
      [10, files.length, 2],
      [12, length, 4],
      [16, directory, 4],
    ]),
  );
  const bytes = (offset: number, count: number) => {
    const out = new Uint8Array(count);
    for (const [start, part] of pieces) {
      const from = Math.max(offset, start);
      const to = Math.min(offset + count, start + part.length);
      if (to > from) out.set(part.subarray(from - start, to - start), from - offset);
    }
    return out;
  };
  return { bytes, size: at };
}
