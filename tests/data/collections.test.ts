import { describe, expect, test } from 'vitest';
import { BatchSampler, type DatasetOptions, openDataset } from '../../src/data';
import { writeNpz } from '../../src/formats/npz';
import { encodePng } from '../../src/formats/png';
import type { Source } from '../../src/formats/source';
import { decoders, source, zip } from './helpers';

/** A 4 x 4 image of one shade. */
const png = (shade: number, channels = 1, size = 4): Uint8Array =>
  encodePng({
    width: size,
    height: size,
    channels,
    data: new Uint8Array(size * size * channels).fill(shade),
  });

const open = async (sources: Source | Source[], options: DatasetOptions = {}) =>
  openDataset(sources, { decoders: decoders, ...options });

/** The shade of each image, null for an unreadable one. */
async function shades(sources: Source | Source[], options?: DatasetOptions) {
  const set = await open(sources, options);
  const found: (number | null)[] = [];
  for (let i = 0; i < set.size; i++) found.push((await set.read(i))?.pixels[0] ?? null);
  return found;
}

const labels = (set: { size: number; label(i: number): number | null }) =>
  Array.from({ length: set.size }, (_, i) => set.label(i));

describe('zips', () => {
  test('order is that of the archive, not of the names', async () => {
    expect(await shades(source(zip({ 'b.png': png(1), 'a.png': png(2), 'c/d.PNG': png(3) })))).toEqual([
      1, 2, 3,
    ]);
  });

  test('deflated entries are read like stored ones', async () => {
    expect(await shades(source(zip({ 'a.png': png(9), 'b.png': png(8) }, 6)))).toEqual([9, 8]);
  });

  test('files that are no images, and the litter of systems, are passed over', async () => {
    const files = {
      'readme.txt': 'x',
      'a.png': png(1),
      '__MACOSX/._a.png': 'x',
      '.hidden.png': 'x',
      'x/._b.png': 'x',
      'x/@eaDir/b.png': 'x',
      'x/b.png': png(2),
    };
    expect(await shades(source(zip(files)))).toEqual([1, 2]);
  });

  test('folders are classes, unless a dataset.json has null labels or they are numbered as EDM numbers them', async () => {
    const labelled = await open(source(zip({ 'a/1.png': png(1), 'b/2.png': png(2) })));
    expect([labelled.classes, labels(labelled)]).toEqual([
      ['a', 'b'],
      [0, 1],
    ]);
    for (const files of <Record<string, Uint8Array | string>[]>[
      { 'a/1.png': png(1), 'b/2.png': png(2), 'dataset.json': '{"labels": null}' },
      { '00000/img1.png': png(1), '00001/img2.png': png(2) },
    ]) {
      const set = await open(source(zip(files)));
      expect([set.labelDim, set.classes, set.label(0)]).toEqual([0, null, null]);
    }
  });

  test('labels go by name', async () => {
    const json = JSON.stringify({
      labels: [
        ['b.png', 4],
        ['a.png', 0],
      ],
    });
    const set = await open(source(zip({ 'a.png': png(1), 'b.png': png(2), 'dataset.json': json })));
    expect([labels(set), set.labelDim, set.classes]).toEqual([[0, 4], 5, null]);
    const { labels: batch } = await new BatchSampler(set, { seed: 0, shuffle: false }).next(2);
    expect([...batch!]).toEqual([0, 4]);
  });

  test('images without a label are found when the set is opened: which, and how many', async () => {
    const files = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${i}.png`, png(i)]));
    const entries = Array.from({ length: 200 }, (_, i) => [`${i}.${i % 2 ? 'jpg' : 'png'}`, 0]);
    const json = JSON.stringify({ labels: entries });
    await expect(open(source(zip({ ...files, 'dataset.json': json })))).rejects.toMatchObject({
      code: 'mismatch',
      detail: { found: "none for '1.png' and 99 others" },
    });
  });

  // As EDM's own reader: dict(labels), numpy's int64.
  test.each([
    ['labels as text', '{"labels": [["a.png", "3"], ["b/c.png", "1"]]}'],
    ['a dict of labels', '{"labels": {"a.png": 3, "b/c.png": 1}}'],
    ['the last of two entries', '{"labels": [["a.png", 7], ["b/c.png", 1], ["a.png", 3]]}'],
    ['whole numbers with a point', '{"labels": [["a.png", 3.0], ["b/c.png", 1.0]]}'],
    ['backslashes', '{"labels": [["a.png", 3], ["b\\\\c.png", 1]]}'],
  ])('dataset.json with %s', async (_, json) => {
    for (const name of ['b/c.png', 'b\\c.png']) {
      const set = await open(source(zip({ 'a.png': png(1), [name]: png(2), 'dataset.json': json })));
      expect(labels(set)).toEqual([3, 1]);
    }
  });

  test('one-hot rows are classes, as many as they are long', async () => {
    const json = JSON.stringify({
      labels: [
        ['a.png', [0, 1, 0, 0]],
        ['b.png', [1, 0, 0, 0]],
      ],
    });
    const set = await open(source(zip({ 'a.png': png(1), 'b.png': png(2), 'dataset.json': json })));
    expect([set.labelDim, labels(set)]).toEqual([4, [1, 0]]);
  });

  test.each(['utf8', 'utf16le'] as const)('dataset.json in %s with its mark', async (encoding) => {
    const json = Buffer.from('\ufeff{"labels": [["a.png", 3]]}', encoding);
    expect(labels(await open(source(zip({ 'a.png': png(1), 'dataset.json': json }))))).toEqual([3]);
  });

  test('names match whatever their form of Unicode', async () => {
    const json = JSON.stringify({ labels: [['caf\u00e9.png', 1]] });
    const set = await open(source(zip({ 'cafe\u0301.png': png(1), 'dataset.json': json })));
    expect(labels(set)).toEqual([1]);
  });

  test('a packed folder keeps its dataset.json', async () => {
    const json = '{"labels": [["00000/a.png", 1]]}';
    const set = await open(source(zip({ 'my set/00000/a.png': png(1), 'my set/dataset.json': json })));
    expect(set.label(0)).toBe(1);
  });

  test.each([
    ['{"labels": 7}', 'not a list'],
    ['{"labels": [["a.png"]]}', 'not a name and a class index'],
    ['{"labels": [["a.png", -1]]}', 'not a name and a class index'],
    ['{"labels": [["a.png", 1e6]]}', 'not a class index'],
    ['{"labels": [["a.png", [0.5, 0.5]]]}', 'vectors'],
    ['{"labels": [["a.png", [1, 1]]]}', 'vectors'],
    ['{"labels": [["a.png", null]]}', 'not a name and a class index'],
    ['{"labels": [["other.png", 1]]}', 'name none of the images'],
    ['[]', 'not a description'],
    ['{', 'not a JSON text'],
  ])('%s is an error', async (json, message) => {
    await expect(open(source(zip({ 'a.png': png(1), 'dataset.json': json })))).rejects.toThrow(message);
  });

  test('unreadable images are skipped, each listed once', async () => {
    const files = { 'a.png': 'nonsense', 'b.png': png(5), 'c.gif': 'GIF89a', 'd.jpg': '', 'e.png': png(6) };
    const set = await open(source(zip(files)));
    for (let pass = 0; pass < 2; pass++)
      for (let i = 0; i < set.size; i++) expect((await set.read(i)) === null).toBe([0, 2, 3].includes(i));
    expect(set.skipped.map(({ name }) => name)).toEqual(['a.png', 'c.gif', 'd.jpg']);
    expect(set.skipped[1]!.reason).toContain('ends too early');
    const { indices } = await new BatchSampler(set, { seed: 0, shuffle: false }).next(4);
    expect([...indices]).toEqual([1, 4, 1, 4]);
  });

  test('nothing but unreadable images is an error that says why', async () => {
    await expect(open(source(zip({ 'a.png': 'nonsense' })))).rejects.toMatchObject({
      code: 'bad-file',
      detail: { found: expect.stringContaining('a.png: not an image') },
    });
    const shape = { channels: 1, resolution: 4 };
    await expect(open(source(zip({ 'a.png': 'nonsense' })), shape)).rejects.toThrow(
      'no image of the data set',
    );
    await expect(open(source(zip({ 'a.txt': 'x' })))).rejects.toThrow('holds no images');
  });
});

describe('folders and loose images', () => {
  test('subfolders are classes when every image is in one', async () => {
    const set = await open([
      source(png(3), 'pets/dog/1.png'),
      source(png(1), 'pets/cat/2.png'),
      source(png(2), 'pets/cat/sub/1.png'),
      source(new Uint8Array(3), 'pets/notes.txt'),
    ]);
    expect(set).toMatchObject({ name: 'pets', size: 3, labelDim: 2, classes: ['cat', 'dog'] });
    expect(labels(set)).toEqual([0, 0, 1]);
  });

  test.each([
    ['an image beside the folders', ['a/1.png', 'b/2.png', '3.png']],
    ['one folder', ['a/1.png', 'a/2.png']],
    ['no folder', ['1.png', '2.png']],
  ])('%s: no classes', async (_, names) => {
    const set = await open(names.map((name) => source(png(1), name)));
    expect([set.size, set.labelDim]).toEqual([names.length, 0]);
  });

  test('a dataset.json beats the folders; paths may be written the Windows way', async () => {
    const json = new TextEncoder().encode('{"labels": [["a/1.png", 7], ["b/2.png", 0]]}');
    const set = await open([
      source(png(1), 'set\\a\\1.png'),
      source(png(1), 'set\\b\\2.png'),
      source(json, 'set\\dataset.json'),
    ]);
    expect([set.labelDim, labels(set)]).toEqual([8, [7, 0]]);
  });

  test('one image whose name says nothing', async () => {
    expect(await shades(source(png(77), 'photo'))).toEqual([77]);
  });

  test('two archives are an error', async () => {
    const archive = zip({ 'a.png': png(1) });
    await expect(open([source(archive, 'a.zip'), source(archive, 'b.zip')])).rejects.toThrow(
      'more than one archive',
    );
    await expect(open([])).rejects.toThrow('no data set');
    await expect(open(source(new Uint8Array(9), 'x.bin'))).rejects.toThrow('not a data set');
  });
});

describe('npz', () => {
  const image = (n: number, size: number) => Uint8Array.from({ length: n * size }, (_, i) => i % 251);
  const npz = (shape: number[], name = 'images', extra = {}) => {
    const data = image(
      1,
      shape.reduce((a, b) => a * b, 1),
    );
    return source(writeNpz({ [name]: { dtype: 'u8', shape, data }, ...extra }), 'set.npz');
  };

  test('channels last and channels first hold the same pixels', async () => {
    const last = await open(npz([2, 4, 5, 3]), { resolution: 4 });
    const { pixels } = (await last.read(1))!;
    // Pixel (0, 0) of the second image.
    expect([pixels[0], pixels[16], pixels[32]]).toEqual([60, 61, 62]);
    const first = await open(npz([2, 3, 4, 5], 'x'), { resolution: 4 });
    const planar = (await first.read(1))!.pixels;
    expect([planar[0], planar[16], planar[32]]).toEqual([60, 80, 100]);
  });

  test('grey without an axis of channels; labels in int64; compressed', async () => {
    const labels = { dtype: 'i64', shape: [3], data: BigInt64Array.from([2n, 0n, 1n]) } as const;
    const images = { dtype: 'u8', shape: [3, 2, 2], data: image(3, 4) } as const;
    const set = await open(source(writeNpz({ x: images, y: labels }, { compress: true }), 'set.npz'));
    expect(set).toMatchObject({ size: 3, channels: 1, resolution: 2, labelDim: 3 });
    expect(await set.read(1)).toEqual({ pixels: Uint8Array.of(4, 5, 6, 7), label: 0 });
  });

  test('one-hot labels; none for every image', async () => {
    const rows = { dtype: 'f32', shape: [2, 3], data: Float32Array.of(0, 0, 1, 1, 0, 0) } as const;
    const set = await open(npz([2, 2, 2, 3], 'arr_0', { arr_1: rows }));
    expect([set.labelDim, labels(set)]).toEqual([3, [2, 0]]);
    const none = { dtype: 'i32', shape: [2], data: Int32Array.of(-1, -1) } as const;
    expect((await open(npz([2, 2, 2, 3], 'images', { labels: none }))).labelDim).toBe(0);
  });

  test('keys of other programs', async () => {
    const y = { dtype: 'i32', shape: [2], data: Int32Array.of(1, 0) } as const;
    for (const [images, name] of [
      ['X_train', 'y_train'],
      ['data', 'target'],
    ] as const)
      expect(labels(await open(npz([2, 2, 2, 3], images, { [name]: y })))).toEqual([1, 0]);
  });

  test.each([
    [
      'a label for some images only',
      npz([2, 2, 2, 3], 'images', { labels: { dtype: 'i32', shape: [2], data: Int32Array.of(-1, 4) } }),
      'not every image has a label',
    ],
    ['one image in place of many', npz([8, 8, 3]), 'does not hold images'],
    ['no images', npz([2, 2, 2, 2], 'weights'), 'no array of images'],
    ['one dimension too few', npz([4, 4]), 'does not hold images'],
    [
      'another number of labels',
      npz([2, 2, 2, 3], 'images', { labels: { dtype: 'i32', shape: [3], data: new Int32Array(3) } }),
      'the labels and the images differ in number',
    ],
    [
      'values beyond all ranges',
      source(
        writeNpz({ images: { dtype: 'f32', shape: [1, 2, 2, 3], data: new Float32Array(12).fill(900) } }),
        'f.npz',
      ),
      'not a pixel value',
    ],
    [
      'two arrays of images',
      npz([2, 2, 2, 3], 'first', { second: { dtype: 'u8', shape: [1, 2, 2, 3], data: new Uint8Array(12) } }),
      'several arrays of images',
    ],
  ])('%s is an error', async (_, file, message) => {
    await expect(open(file)).rejects.toThrow(message);
  });
});

test.each([{ channels: 2 }, { resolution: 0 }, { resolution: 1.5 }, { cacheBytes: Number.NaN }])(
  '%o is refused',
  async (options) => {
    await expect(open(source(zip({ 'a.png': png(1) })), options)).rejects.toMatchObject({
      code: 'bad-argument',
    });
  },
);

test('a cancelled opening says so', async () => {
  await expect(open(source(zip({ 'a.png': png(1) })), { signal: AbortSignal.abort() })).rejects.toMatchObject(
    {
      code: 'cancelled',
    },
  );
});
