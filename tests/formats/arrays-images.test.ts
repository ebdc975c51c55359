import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { openNpy } from '../../src/data/npy-array';
import { writeNpy } from '../../src/formats/npy';
import { npzPieces, writeNpz } from '../../src/formats/npz';
import { encodePng, type PngImage, readPngText } from '../../src/formats/png';
import { bufferSource } from '../../src/formats/source';
import { readFloat32, readInt32 } from '../../src/formats/tensor';
import { readNpz } from '../support/npz';
import { bytesOf, failure, fixtureSource } from './helpers';

const npy = (header: string, data = 0) =>
  bufferSource(
    bytesOf([0x93], 'NUMPY', [1, 0, header.length & 255, header.length >> 8], header, new Uint8Array(data)),
    'test',
  );

describe('numpy files', () => {
  test('numpy.savez is read, Fortran order and compression included', () => {
    const arrays = readNpz(fixtureSource('formats/arrays.npz'));
    expect([...arrays.keys()]).toEqual(['f4', 'f8', 'i8', 'u1']);
    expect([...readFloat32(arrays.get('f4')!)]).toEqual([-5, -4.75, -4.5, -4.25, -4, -3.75]);
    expect([...readFloat32(arrays.get('f8')!)]).toEqual([-5, -4.75, -4.5, -4.25, -4, -3.75]);
    expect([...readInt32(arrays.get('i8')!)]).toEqual([0, 1, 2, 3]);
    const deflated = readNpz(fixtureSource('formats/arrays-deflated.npz'));
    expect(readFloat32(deflated.get('f2')!)[1]).toBe(-4.75);
    expect(deflated.get('scalar')!.shape).toEqual([]);
  });

  test('an array that comes in pieces is the same as the whole one', async () => {
    const values = Float32Array.from({ length: 30 }, (_, i) => i / 7);
    async function* pieces() {
      for (let at = 0; at < 30; at += 12) yield values.subarray(at, at + 12);
    }
    const mu = { dtype: 'f64', shape: [2], data: Float64Array.of(1 / 3, -1) } as const;
    const written = async (rows: number) => {
      const out: Uint8Array[] = [];
      const arrays = Object.entries({ features: { shape: [rows, 3], pieces: pieces() }, mu });
      for await (const piece of npzPieces(arrays)) out.push(piece.slice());
      return readNpz(bufferSource(new Uint8Array(Buffer.concat(out)), 'pieces.npz'));
    };
    const read = await written(10);
    expect(read.get('features')).toMatchObject({ dtype: 'f32', shape: [10, 3] });
    expect(readFloat32(read.get('features')!)).toEqual(values);
    expect(read.get('mu')).toMatchObject({ dtype: 'f64', shape: [2] });
    await expect(written(11)).rejects.toThrow('3 values short');
  });

  test.each([false, true])('what is written is read again (compress: %s)', (compress) => {
    const images = Uint8Array.from({ length: 24 }, (_, i) => i);
    const bytes = writeNpz(
      {
        images: { dtype: 'u8', shape: [2, 2, 2, 3], data: images },
        seeds: { dtype: 'i64', shape: [2], data: BigInt64Array.of(7n, -8n) },
        latents: { dtype: 'f32', shape: [], data: Float32Array.of(0.5) },
        labels: { dtype: 'i32', shape: [0], data: new Int32Array(0) },
      },
      { compress },
    );
    const again = readNpz(bufferSource(bytes, 'test'));
    expect(again.get('images')!.shape).toEqual([2, 2, 2, 3]);
    expect([...readFloat32(again.get('images')!)]).toEqual([...images]);
    expect([...readInt32(again.get('seeds')!)]).toEqual([7, -8]);
    expect([...readFloat32(again.get('latents')!)]).toEqual([0.5]);
    expect(again.get('labels')!.shape).toEqual([0]);
  });

  test('data start at a multiple of 64 bytes, as numpy aligns them', () => {
    const bytes = writeNpy({ dtype: 'f32', shape: [1], data: Float32Array.of(1) });
    expect((bytes.length - 4) % 64).toBe(0);
    expect(new TextDecoder().decode(bytes.subarray(10, bytes.length - 4))).toBe(
      `${"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }".padEnd(bytes.length - 15)}\n`,
    );
    expect(failure(() => writeNpy({ dtype: 'f32', shape: [2], data: new Float32Array(1) })).code).toBe(
      'bad-argument',
    );
  });

  test.each([
    ['another file', bufferSource(bytesOf('hello world!'), 'test'), /not a numpy/],
    ['a short file', bufferSource(bytesOf([0x93], 'NUM'), 'test'), /not a numpy/],
    ['objects', npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8), /element type/],
    ['records', npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 8), /structured/],
    ['a short array', npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 8), /shorter/],
    [
      'a huge array',
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }", 8),
      /shorter/,
    ],
    ['no shape', npy("{'descr': '<f4', 'fortran_order': False, }", 8), /damaged/],
  ])('%s', (_, source, message) => {
    expect(failure(() => openNpy(source).row(0)).describe()).toMatch(message);
  });
});

describe('PNG', () => {
  test.each([1, 3])('%i channels with text, as other readers see it', (channels) => {
    const data = Uint8Array.from({ length: 6 * channels }, (_, i) => i * 7);
    const text = { Seed: '7', Model: 'fashion', Note: 'café', Title: 'ünïcode ✓' };
    const png = encodePng({ width: 3, height: 2, channels, data, text });
    expect(readPngText(png)).toEqual(new Map(Object.entries(text)));
    const image = decode(png, { checkCrc: true });
    expect([image.width, image.height, image.channels, image.depth]).toEqual([3, 2, channels, 8]);
    expect(new Uint8Array(image.data)).toEqual(data);
    expect(image.text.Seed).toBe('7');
    expect(encodePng({ width: 3, height: 2, channels, data, text: new Map(Object.entries(text)) })).toEqual(
      png,
    );
  });

  test('wrong images, keywords and files', () => {
    const image = { width: 1, height: 1, channels: 3, data: new Uint8Array(3) };
    const wrongs: Partial<PngImage>[] = [
      { channels: 4 },
      { width: 0 },
      { height: 2 },
      { text: { '': 'x' } },
      { text: { '✓': 'x' } },
      { text: { ' a': 'x' } },
    ];
    for (const wrong of wrongs)
      expect(failure(() => encodePng({ ...image, ...wrong })).code).toBe('bad-argument');
    expect(failure(() => readPngText(bytesOf('GIF89a'))).code).toBe('bad-file');
    expect(failure(() => readPngText(encodePng(image).subarray(0, 50))).code).toBe('bad-file');
  });
});
