import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  layoutSafetensors,
  readSafetensors,
  type TensorData,
  writeSafetensors,
} from '../../src/formats/safetensors';
import { bufferSource } from '../../src/formats/source';
import { DTYPE_BYTES, type DType, readFloat32 } from '../../src/formats/tensor';
import { bytesOf, concat, failure, u64 } from './helpers';

const file = (json: string, data: number) => {
  const text = new TextEncoder().encode(json);
  return bufferSource(bytesOf(u64(text.length), text, new Uint8Array(data)), 'test');
};
const read = (json: string, data = 0) => readSafetensors(file(json, data));
const f32 = (shape: string, from: number, to: number) =>
  `{"dtype":"F32","shape":${shape},"data_offsets":[${from},${to}]}`;

const tensor: fc.Arbitrary<TensorData> = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(DTYPE_BYTES) as DType[])),
    shape: fc.array(fc.nat(4), { maxLength: 4 }),
    seed: fc.nat(255),
  })
  .map(({ dtype, shape, seed }) => {
    const count = shape.reduce((x, y) => x * y, 1) * DTYPE_BYTES[dtype];
    return { dtype, shape, bytes: () => new Uint8Array(count).fill(seed) };
  });

describe('writing', () => {
  test('what is written is read again, aligned and whatever the names', () => {
    const names = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((n) => n !== '__metadata__');
    fc.assert(
      fc.property(
        fc.dictionary(names, tensor, { maxKeys: 8 }),
        fc.dictionary(fc.string(), fc.string({ unit: 'grapheme' }), { maxKeys: 4 }),
        (tensorObject, metadataObject) => {
          const tensors = new Map(Object.entries(tensorObject));
          const metadata = new Map(Object.entries(metadataObject));
          const chunks = [...writeSafetensors({ tensors, metadata })];
          const bytes = concat(chunks);
          expect(chunks[0]!.length % 8).toBe(0);
          expect(layoutSafetensors(tensors, metadata).byteLength).toBe(bytes.length);
          const again = readSafetensors(bufferSource(bytes, 'test'));
          expect(again.metadata).toEqual(metadata);
          expect([...again.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
          for (const [name, ref] of again.tensors) {
            const { dtype, shape, bytes: data } = tensors.get(name)!;
            expect([ref.dtype, ref.shape]).toEqual([dtype, shape]);
            expect(ref.byteOffset % DTYPE_BYTES[dtype]).toBe(0);
            const expected = data() as Uint8Array;
            expect(ref.source.read(ref.byteOffset, expected.length)).toEqual(expected);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('tensors are asked for one at a time', () => {
    let asked = 0;
    const one = (): TensorData => ({ dtype: 'u8', shape: [1], bytes: () => Uint8Array.of(asked++) });
    const pieces = writeSafetensors({
      tensors: new Map([
        ['a', one()],
        ['b', one()],
      ]),
    });
    pieces.next();
    expect(asked).toBe(0);
    pieces.next();
    expect(asked).toBe(1);
  });

  test('a tensor may come in pieces, which are written as they come', () => {
    let asked = 0;
    const inPieces = (...lengths: number[]) =>
      writeSafetensors({
        tensors: new Map([
          [
            'a',
            {
              dtype: 'u8' as const,
              shape: [5],
              *bytes() {
                for (const n of lengths) yield new Uint8Array(n).fill(++asked);
              },
            },
          ],
        ]),
      });
    const pieces = inPieces(2, 3);
    const header = pieces.next().value!;
    expect(pieces.next().value).toEqual(Uint8Array.of(1, 1));
    expect(asked).toBe(1);
    const file = concat([header, Uint8Array.of(1, 1), ...pieces]);
    const { a } = Object.fromEntries(readSafetensors(bufferSource(file, 'test')).tensors);
    expect(a!.source.read(a!.byteOffset, 5)).toEqual(Uint8Array.of(1, 1, 2, 2, 2));
    for (const wrong of [[2, 2], [5, 1], []])
      expect(failure(() => [...inPieces(...wrong)]).code).toBe('bad-argument');
  });

  test('a tensor of the wrong size and a reserved name are refused', () => {
    const tensors = new Map([['a', { dtype: 'f32' as const, shape: [2], bytes: () => new Uint8Array(4) }]]);
    expect(failure(() => [...writeSafetensors({ tensors })]).code).toBe('bad-argument');
    expect(
      failure(() => layoutSafetensors(new Map([['__metadata__', { dtype: 'f32', shape: [] }]]))).code,
    ).toBe('bad-argument');
  });
});

describe('reading', () => {
  test('white space, escapes, any order of fields, scalars and empty tensors', () => {
    const { tensors, metadata } = read(
      ` {"__metadata__" : {"k\\u00e9" :"v\\n"}, "b":{"shape":[],"data_offsets":[0,4],\n"dtype":"F32"},"e":${f32('[0,3]', 4, 4)}, "a":${f32('[2]', 4, 12)} }  `.trimStart(),
      12,
    );
    expect(metadata).toEqual(new Map([['ké', 'v\n']]));
    expect([...tensors.keys()]).toEqual(['b', 'e', 'a']);
    expect(readFloat32(tensors.get('a')!)).toEqual(new Float32Array(2));
    expect(readFloat32(tensors.get('e')!)).toEqual(new Float32Array(0));
  });

  test('metadata of null are none', () => {
    const { tensors, metadata } = read(`{"__metadata__": null, "a":${f32('[1]', 0, 4)}}`, 4);
    expect([...tensors.keys()]).toEqual(['a']);
    expect(metadata.size).toBe(0);
  });

  test('names that are traps for objects', () => {
    const { tensors } = read(`{"__proto__":${f32('[1]', 0, 4)},"constructor":${f32('[1]', 4, 8)}}`, 8);
    expect([...tensors.keys()]).toEqual(['__proto__', 'constructor']);
  });

  test.each([
    ['overlap', `{"a":${f32('[2]', 0, 8)},"b":${f32('[2]', 4, 12)}}`, 12, /overlap/],
    ['the same place', `{"a":${f32('[2]', 0, 8)},"b":${f32('[2]', 0, 8)}}`, 8, /overlap/],
    ['a hole', `{"a":${f32('[1]', 0, 4)},"b":${f32('[1]', 8, 12)}}`, 12, /hole/],
    ['a late start', `{"a":${f32('[1]', 4, 8)}}`, 8, /hole/],
    ['too little data', `{"a":${f32('[2]', 0, 8)}}`, 4, /size/],
    ['too much data', `{"a":${f32('[2]', 0, 8)}}`, 9, /size/],
    ['a wrong shape', `{"a":${f32('[3]', 0, 8)}}`, 8, /match its shape/],
    ['reversed offsets', `{"a":${f32('[2]', 8, 0)}}`, 8, /match its shape/],
    ['a negative dimension', `{"a":${f32('[-2]', 0, 8)}}`, 8, /integer/],
    ['a fraction', `{"a":${f32('[2.0]', 0, 8)}}`, 8, /not the JSON|integer/],
    ['an exponent', `{"a":${f32('[2e0]', 0, 8)}}`, 8, /not the JSON|integer/],
    ['a huge number', `{"a":${f32('[99999999999999999999]', 0, 8)}}`, 8, /integer/],
    ['a huge tensor', `{"a":${f32('[65536,65536]', 0, 17179869184)}}`, 8, /larger/],
    ['many dimensions', `{"a":${f32('[1,1,1,1,1,1,1,1,1]', 0, 4)}}`, 4, /more than 8/],
    ['a name twice', `{"a":${f32('[1]', 0, 4)},"a":${f32('[1]', 4, 8)}}`, 8, /twice/],
    [
      'an unknown dtype that ends before it begins',
      '{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[1,0]}}',
      1,
      /ends before/,
    ],
    [
      'a hole behind an unknown dtype',
      `{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]},"b":${f32('[1]', 2, 6)}}`,
      6,
      /hole/,
    ],
    ['a missing field', '{"a":{"dtype":"F32","shape":[1]}}', 4, /lacks/],
    [
      'a repeated field',
      '{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      4,
      /repeated/,
    ],
    ['an array', '[1]', 0, /start with/],
    ['deep nesting', `{"a":${'['.repeat(100000)}`, 0, /JSON/],
    ['text behind', `{"a":${f32('[1]', 0, 4)}} x`, 4, /follows/],
    ['metadata that are no text', '{"__metadata__":{"a":1}}', 0, /JSON/],
    ['an endless string', '{"aaaa', 0, /does not end/],
    ['a wrong escape', '{"\\x":1}', 0, /escape/],
  ] as [string, string, number, RegExp][])('%s', (_, json, data, message) => {
    expect(failure(() => read(json, data)).describe()).toMatch(message);
  });

  test('tensors of element types that are not read stand beside the others', () => {
    const { tensors, unreadable } = read(
      `{"a":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]},"b":${f32('[1]', 3, 7)},"c":{"dtype":"U16","shape":[1],"data_offsets":[7,9]}}`,
      9,
    );
    expect([...tensors.keys()]).toEqual(['b']);
    expect([...unreadable]).toEqual([
      ['a', 'F8_E4M3'],
      ['c', 'U16'],
    ]);
  });

  test('header lengths beyond the file or the format', () => {
    for (const n of [50, 2 ** 31, 2 ** 53, 2 ** 63])
      expect(failure(() => readSafetensors(bufferSource(bytesOf(u64(n), '{}'), 'test'))).message).toMatch(
        /longer/,
      );
    expect(failure(() => readSafetensors(bufferSource(new Uint8Array(3), 'test'))).code).toBe('bad-file');
    expect(
      failure(() => readSafetensors(bufferSource(bytesOf(u64(3), [0x7b, 0xff, 0x7d]), 'test'))).message,
    ).toMatch(/UTF-8/);
  });
});
