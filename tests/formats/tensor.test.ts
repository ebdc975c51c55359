import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bufferSource } from '../../src/formats/source';
import {
  checkFinite,
  type DType,
  float32Pieces,
  readFloat32,
  readInt32,
  rowMajorStrides,
  type TensorRef,
} from '../../src/formats/tensor';
import { failure } from './helpers';

const ref = (
  dtype: DType,
  data: ArrayBufferView,
  shape: number[],
  options: { strides?: number[]; skip?: number } = {},
): TensorRef => {
  // One byte in front: nothing in a file is aligned.
  const skip = options.skip ?? 0;
  const bytes = new Uint8Array(1 + data.byteLength);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 1);
  return {
    dtype,
    shape,
    source: bufferSource(bytes, 'test'),
    byteOffset: 1 + skip,
    strides: options.strides,
  };
};

describe('element types', () => {
  const cases: [DType, ArrayBufferView, number[]][] = [
    ['f64', Float64Array.of(1.5, -2, 1e300), [1.5, -2, Number.POSITIVE_INFINITY]],
    ['f32', Float32Array.of(1.5, -2, 0.1), [1.5, -2, Math.fround(0.1)]],
    ['f16', Uint16Array.of(0x3e00, 0xc000, 1), [1.5, -2, 2 ** -24]],
    ['bf16', Uint16Array.of(0x3fc0, 0xc000, 0x7f80), [1.5, -2, Number.POSITIVE_INFINITY]],
    ['i64', BigInt64Array.of(5n, -7n, 2n ** 40n), [5, -7, 2 ** 40]],
    ['i32', Int32Array.of(5, -7), [5, -7]],
    ['i16', Int16Array.of(5, -7), [5, -7]],
    ['i8', Int8Array.of(5, -7), [5, -7]],
    ['u8', Uint8Array.of(5, 255), [5, 255]],
    ['bool', Uint8Array.of(0, 1, 2), [0, 1, 1]],
  ];
  test.each(cases)('%s', (dtype, data, values) => {
    expect([...readFloat32(ref(dtype, data, [values.length]))]).toEqual(values);
  });

  test('integers', () => {
    expect([...readInt32(ref('i64', BigInt64Array.of(5n, -7n, 2n ** 31n - 1n), [3]))]).toEqual([
      5,
      -7,
      2 ** 31 - 1,
    ]);
    expect([...readInt32(ref('f32', Float32Array.of(3, -4), [2]))]).toEqual([3, -4]);
    expect([...readInt32(ref('bool', Uint8Array.of(1, 0), [2]))]).toEqual([1, 0]);
    for (const wrong of [
      ref('i64', BigInt64Array.of(2n ** 31n), [1]),
      ref('f32', Float32Array.of(0.5), [1]),
      ref('f64', Float64Array.of(Number.NaN), [1]),
    ])
      expect(failure(() => readInt32(wrong)).message).toMatch(/32-bit/);
  });
});

describe('pieces', () => {
  const joined = (of: TensorRef) => [...float32Pieces(of)].flatMap((piece) => [...piece]);

  test('are what is read at once, whatever the order, the sign and the bytes', () => {
    const data = Float32Array.from({ length: 24 }, (_, i) => i - 5.5);
    const plain = ref('f32', data, [2, 3, 4]);
    for (const of of [
      plain,
      { ...plain, negative: true },
      { ...plain, bigEndian: true },
      { ...plain, strides: [12, 1, 3] },
      { ...plain, shape: [0, 3] },
      ref('f16', Uint16Array.of(0x3e00, 0xc000), [2]),
    ])
      expect(joined(of)).toEqual([...readFloat32(of)]);
  });

  test('are of a million elements, and the rest', () => {
    const n = 2 ** 20 + 3;
    const large = ref('u8', new Uint8Array(n).fill(7), [n]);
    expect([...float32Pieces(large)].map((piece) => [piece.length, piece.at(-1)])).toEqual([
      [2 ** 20, 7],
      [3, 7],
    ]);
  });

  test('a tensor outside of its file is refused before anything is read', () => {
    expect(failure(() => float32Pieces(ref('f32', new Float32Array(2), [2 ** 27])).next()).code).toBe(
      'bad-file',
    );
  });
});

describe('strides', () => {
  test('channels_last weights come out row-major', () => {
    const [o, i, h, w] = [2, 3, 2, 2];
    const stored = new Float32Array(o * i * h * w);
    const strides = [i * h * w, 1, w * i, i];
    let n = 0;
    for (let a = 0; a < o; a++)
      for (let b = 0; b < i; b++)
        for (let c = 0; c < h; c++)
          for (let d = 0; d < w; d++)
            stored[a * strides[0]! + b * strides[1]! + c * strides[2]! + d * strides[3]!] = n++;
    expect([...readFloat32(ref('f32', stored, [o, i, h, w], { strides }))]).toEqual(
      Array.from({ length: n }, (_, k) => k),
    );
  });

  test('any permutation agrees with an index by index reading', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.nat()),
        (dims, random) => {
          const order = dims
            .map((_, k) => ({ k, key: random.next().value as number }))
            .sort((p, q) => p.key - q.key)
            .map(({ k }) => k);
          const inner = rowMajorStrides(order.map((k) => dims[k]!));
          const strides = dims.map((_, k) => inner[order.indexOf(k)]!);
          const total = dims.reduce((x, y) => x * y, 1);
          const stored = Float32Array.from({ length: total }, (_, k) => k);
          const outer = rowMajorStrides(dims);
          const wanted = Array.from({ length: total }, (_, flat) =>
            dims.reduce((sum, d, k) => sum + (Math.floor(flat / outer[k]!) % d) * strides[k]!, 0),
          );
          expect([...readFloat32(ref('f32', stored, dims, { strides }))]).toEqual(wanted);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('expanded tensors repeat, empty ones are empty, scalars are one', () => {
    expect([...readFloat32(ref('f32', Float32Array.of(7), [2, 2], { strides: [0, 0] }))]).toEqual([
      7, 7, 7, 7,
    ]);
    expect(readFloat32(ref('f32', Float32Array.of(7), [3, 0], { strides: [5, 9] }))).toHaveLength(0);
    expect([...readFloat32(ref('f32', Float32Array.of(7), []))]).toEqual([7]);
  });
});

test('tensors of more than one chunk are whole', () => {
  const n = (1 << 20) + 3;
  const values = readFloat32(
    ref(
      'i32',
      Int32Array.from({ length: n }, (_, k) => k & 1023),
      [n],
    ),
  );
  expect([values[(1 << 20) - 1], values[1 << 20], values[n - 1]]).toEqual([1023, 0, 2]);
});

test.each([
  ['beyond its source', ref('f32', new Float32Array(2), [3])],
  ['beyond it through strides', ref('f32', new Float32Array(4), [2, 2], { strides: [3, 1] })],
  ['a claim of 2^27 elements', ref('f32', new Float32Array(1), [1 << 27])],
  ['a claim of 2^60 elements', ref('f32', new Float32Array(1), [2 ** 30, 2 ** 30])],
  ['a negative dimension', ref('f32', new Float32Array(1), [-1])],
  ['a negative stride', ref('f32', new Float32Array(4), [2], { strides: [-1] })],
  ['too few strides', ref('f32', new Float32Array(4), [2, 2], { strides: [1] })],
  ['an offset of NaN', { ...ref('f32', new Float32Array(1), [1]), byteOffset: Number.NaN }],
] as [string, TensorRef][])('a tensor with %s', (_, bad) => {
  expect(failure(() => readFloat32(bad)).code).toMatch(/bad-file|refused/);
});

test('NaN and infinity are named, counted and located; large finite sums pass', () => {
  const values = new Float32Array(10);
  values[3] = Number.NaN;
  values[7] = Number.NEGATIVE_INFINITY;
  expect(failure(() => checkFinite(values, 'model.enc.weight')).describe()).toMatch(
    /model\.enc\.weight.*2 of 10.*index 3/,
  );
  expect(() => checkFinite(new Float32Array(4).fill(3e38), 'x')).not.toThrow();
  expect(() => checkFinite(new Float32Array(0), 'x')).not.toThrow();
});
