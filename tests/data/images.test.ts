import { beforeAll, describe, expect, test } from 'vitest';
import { type Dataset, type DatasetOptions, openDataset } from '../../src/data';
import { fitPicture } from '../../src/data/image/fit';
import { openZip, readEntry } from '../../src/formats/zip';
import { readNpz } from '../support/npz';
import { DATA, decoders, file } from './helpers';

/**
 * Images of every kind that is read, against what Pillow makes of them. Equality is meant: a data set prepared here
 * must be the one prepared there.
 */
const archive = file(DATA, 'images.zip');
const entries = openZip(archive).filter(({ name }) => !name.endsWith('.json'));
const names = entries.map(({ name }) => name.replace('00000/', ''));

describe('decoded pixels', () => {
  const expected = readNpz(file(DATA, 'expected-native.npz'));
  test.each(names)('%s equals Pillow', async (name) => {
    const entry = entries[names.indexOf(name)]!;
    const picture = await decoders.decode(readEntry(entry, 1 << 20), name);
    const { shape, source, byteOffset } = expected.get(name)!;
    expect([picture.height, picture.width]).toEqual(shape.slice(0, 2));
    // Squares of the picture at its own size, so that no resizing takes part.
    const side = Math.min(picture.width, picture.height);
    const pixels = fitPicture(picture, 3, side, 'lanczos');
    const whole = source.read(byteOffset, shape[0]! * shape[1]! * 3);
    const left = (picture.width - side) >> 1;
    const top = (picture.height - side) >> 1;
    let worst = 0;
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++)
        for (let c = 0; c < 3; c++) {
          const want = whole[3 * ((y + top) * picture.width + x + left) + c]!;
          worst = Math.max(worst, Math.abs(want - pixels[(c * side + y) * side + x]!));
        }
    expect(worst).toBe(0);
  });
});

describe.each([
  ['rgb', 3],
  ['grey', 1],
] as const)('fitted to %s', (stem, channels) => {
  test.each(['lanczos', 'box'] as const)('%s equals Pillow', async (filter) => {
    const set = await openDataset(archive, { decoders: decoders, resolution: 16, channels, filter });
    const { shape, source, byteOffset } = readNpz(file(DATA, `expected-${stem}-${filter}.npz`)).get(
      'images',
    )!;
    expect(set.size).toBe(shape[0]);
    const size = 16 * 16 * channels;
    for (let i = 0; i < set.size; i++) {
      const { pixels } = (await set.read(i))!;
      const want = source.read(byteOffset + i * size, size);
      const planar = Uint8Array.from(pixels, (_, k) => want[(k % 256) * channels + Math.floor(k / 256)]!);
      expect(pixels, names[i]).toEqual(planar);
    }
    expect(set.skipped).toEqual([]);
  });
});

describe('an EDM zip', () => {
  let set: Dataset;
  const open = async (options: DatasetOptions = {}) =>
    openDataset(archive, { decoders: decoders, ...options });
  beforeAll(async () => {
    set = await open();
  });

  test('describes itself', () => {
    expect(set).toMatchObject({
      name: 'images.zip',
      size: names.length,
      labelDim: 3,
      classes: ['a', 'b', 'c'],
      resolution: 22,
      channels: 3,
    });
  });

  test('keeps the order and the labels of the archive', async () => {
    for (let i = 0; i < set.size; i++) expect((await set.read(i))!.label).toBe(i % 3);
  });

  test('gives the same pixels with and without a cache, again and again', async () => {
    const plain = await open({ cacheBytes: 0 });
    for (let i = 0; i < set.size; i++) {
      const [a, b, c] = [await set.read(i), await set.read(i), await plain.read(i)];
      expect(a).toEqual(b);
      expect(a).toEqual(c);
    }
  });

  test('repeats grey for a colour network, and greys colour for a grey one', async () => {
    const grey = await open({ channels: 1 });
    const i = names.indexOf('grey.png');
    const one = (await grey.read(i))!.pixels;
    const three = (await set.read(i))!.pixels;
    for (let c = 0; c < 3; c++) expect(three.subarray(c * 484, (c + 1) * 484)).toEqual(one);
  });
});

test('the page may hand over compiled modules instead of bytes', async () => {
  const { createDecoders } = await import('../../src/data');
  const wasm = file('node_modules/@jsquash/webp/codec/dec/webp_dec.wasm');
  const module = await WebAssembly.compile(wasm.read(0, wasm.size) as Uint8Array<ArrayBuffer>);
  const only = createDecoders({ wasm: async (format) => (format === 'webp' ? module : null) });
  const bytes = (name: string) => readEntry(entries[names.indexOf(name)]!, 1 << 20);
  const a = await only.decode(bytes('lossy.webp'), 'a');
  const b = await decoders.decode(bytes('lossy.webp'), 'b');
  expect(a).toEqual(b);
  await expect(only.decode(bytes('444.jpg'), 'c')).rejects.toThrow('no decoder for jpeg');
});
