import { deflateRawSync, crc32 as nodeCrc32 } from 'node:zlib';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { crc32 } from '../../src/formats/crc32';
import { bufferSource } from '../../src/formats/source';
import { endsAsZip, entrySource, openZip, readEntry, storedSource } from '../../src/formats/zip';
import { bytesOf, concat, failure, u32, u64 } from './helpers';

const u16 = (n: number) => [n & 255, n >> 8];
const list = (bytes: Uint8Array) => openZip(bufferSource(bytes, 'test.zip'));

interface Part {
  name: string;
  data: Uint8Array;
  method?: number;
  size?: number;
  crc?: number;
  flags?: number;
  /** Another place for the local header than its own. */
  header?: number;
  extra?: readonly number[];
}

/** A zip written by hand, so that every field can lie. */
function zip(
  parts: Part[],
  end: Partial<Record<'disk' | 'count' | 'size' | 'offset', number>> = {},
): Uint8Array {
  const local: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let at = 0;
  for (const p of parts) {
    const method = p.method ?? 0;
    const size = p.size ?? p.data.length;
    const crc = p.crc ?? crc32(p.data);
    const fields = [
      ...u16(p.flags ?? 0),
      ...u16(method),
      ...u32(0),
      ...u32(crc),
      ...u32(p.data.length),
      ...u32(size),
    ];
    local.push(bytesOf('PK\x03\x04', u16(20), fields, u16(p.name.length), u16(0), p.name, p.data));
    const extra = p.extra ?? [];
    central.push(
      bytesOf(
        'PK\x01\x02',
        u16(20),
        u16(20),
        fields,
        u16(p.name.length),
        u16(extra.length),
        u16(0),
        u16(0),
        u16(0),
        u32(0),
        u32(p.header ?? at),
        p.name,
        extra,
      ),
    );
    at += local.at(-1)!.length;
  }
  const size = central.reduce((s, c) => s + c.length, 0);
  const count = u16(end.count ?? parts.length);
  const tail = bytesOf(
    'PK\x05\x06',
    u16(end.disk ?? 0),
    u16(0),
    count,
    count,
    u32(end.size ?? size),
    u32(end.offset ?? at),
    u16(0),
  );
  return concat([...local, ...central, tail]);
}

const a = { name: 'a', data: strToU8('alpha') };
const b = { name: 'b', data: strToU8('beta') };

test('CRC-32 agrees with zlib on every length', () => {
  const bytes = Uint8Array.from({ length: 70 }, (_, i) => (i * 151 + 7) & 255);
  for (let n = 0; n <= 70; n++) expect(crc32(bytes.subarray(0, n))).toBe(nodeCrc(bytes.subarray(0, n)));
  expect(crc32(bytes.subarray(9), crc32(bytes.subarray(0, 9)))).toBe(crc32(bytes));
});
/** zlib.crc32 came with Node 20.15; the types may be older. */
const nodeCrc = nodeCrc32 as (data: Uint8Array) => number;

describe('reading', () => {
  test('stored and deflated entries, in order', () => {
    const noise = Uint8Array.from({ length: 200_000 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255);
    const bytes = zipSync({
      'dir/small.txt': strToU8('hello'),
      stored: [noise, { level: 0 }],
      deflated: noise,
    });
    const entries = list(bytes);
    expect(entries.map((e) => e.name)).toEqual(['dir/small.txt', 'stored', 'deflated']);
    expect(readEntry(entries[0]!, 100)).toEqual(strToU8('hello'));
    expect(readEntry(entries[1]!, 1e6)).toEqual(noise);
    expect(readEntry(entries[2]!, 1e6)).toEqual(noise);
    expect(storedSource(entries[1]!).read(5, 3)).toEqual(noise.subarray(5, 8));
    expect(failure(() => storedSource(entries[2]!)).code).toBe('unsupported');
    for (const entry of entries.slice(1)) expect(entrySource(entry).read(5, 3)).toEqual(noise.subarray(5, 8));
    expect(() => entrySource(entries[2]!).read(199_999, 2)).toThrow('ends too early');
  });

  test('bytes before an archive and after it are passed over', () => {
    const bytes = zipSync({ a: strToU8('hello'), b: [strToU8('you'), { level: 0 }] });
    const texts = (all: Uint8Array) => list(all).map((e) => new TextDecoder().decode(readEntry(e, 100)));
    for (const after of [new Uint8Array(512), bytesOf('\n\n'), bytesOf('PK\x05\x06')])
      for (const before of [new Uint8Array(0), bytesOf('#!/bin/sh\n'), bytes])
        expect(texts(concat([before, bytes, after]))).toEqual(['hello', 'you']);
    expect(endsAsZip(bufferSource(concat([bytesOf('x'), bytes]), 'a'))).toBe(true);
    expect(endsAsZip(bufferSource(new Uint8Array(100), 'a'))).toBe(false);
  });

  test('a checksum is looked at unless the caller says otherwise', () => {
    const [entry] = list(zip([{ name: 'a', data: strToU8('hello'), crc: 0 }]));
    expect(failure(() => readEntry(entry!, 100)).message).toMatch(/checksum/);
    expect(readEntry(entry!, 100, false)).toEqual(strToU8('hello'));
  });

  test('a trailing comment, UTF-8 and latin-1 names', () => {
    const bytes = zip([
      { ...a, name: '\xc3\xa9', flags: 0x800 },
      { ...b, name: '\xe9\xe9' },
    ]);
    const commented = concat([bytes.subarray(0, -2), bytesOf(u16(5), 'PK\x05\x06!')]);
    expect(list(commented).map((e) => e.name)).toEqual(['é', 'éé']);
  });

  test('zip64 sizes and end', () => {
    const local = bytesOf(
      'PK\x03\x04',
      u16(45),
      u16(0),
      u16(0),
      u32(0),
      u32(crc32(a.data)),
      u32(0xffffffff),
      u32(0xffffffff),
      u16(1),
      u16(20),
      'a',
      u16(1),
      u16(16),
      u64(5),
      u64(5),
      a.data,
    );
    const central = bytesOf(
      'PK\x01\x02',
      u16(45),
      u16(45),
      u16(0),
      u16(0),
      u32(0),
      u32(crc32(a.data)),
      u32(0xffffffff),
      u32(0xffffffff),
      u16(1),
      u16(28),
      u16(0),
      u16(0),
      u16(0),
      u32(0),
      u32(0xffffffff),
      'a',
      u16(1),
      u16(24),
      u64(5),
      u64(5),
      u64(0),
    );
    const end64 = bytesOf(
      'PK\x06\x06',
      u64(44),
      u16(45),
      u16(45),
      u32(0),
      u32(0),
      u64(1),
      u64(1),
      u64(central.length),
      u64(local.length),
    );
    const locator = bytesOf('PK\x06\x07', u32(0), u64(local.length + central.length), u32(1));
    const end = bytesOf(
      'PK\x05\x06',
      u16(0),
      u16(0),
      u16(0xffff),
      u16(0xffff),
      u32(0xffffffff),
      u32(0xffffffff),
      u16(0),
    );
    const entries = list(concat([local, central, end64, locator, end]));
    expect(readEntry(entries[0]!, 10)).toEqual(a.data);
  });

  test('60,000 entries list quickly', () => {
    const parts = Array.from({ length: 60_000 }, (_, i) => ({
      name: `img${String(i).padStart(8, '0')}.png`,
      data: a.data,
      crc: 0,
    }));
    const bytes = zip(parts);
    const start = performance.now();
    expect(list(bytes)).toHaveLength(60_000);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('archives that lie', () => {
  const bomb = deflateRawSync(new Uint8Array(50_000_000));
  test.each([
    ['two entries of one name', zip([a, { ...b, name: 'a' }]), /one name/],
    ['overlapping entries', zip([a, { ...b, header: 2 }]), /overlap/],
    ['one entry twice', zip([a, { ...a, name: 'c', header: 0 }]), /overlap/],
    ['encryption', zip([{ ...a, flags: 1 }]), /encrypted/],
    ['several disks', zip([a], { disk: 1 }), /several parts/],
    ['an entry beyond the file', zip([{ ...a, header: 5000 }]), /outside/],
    ['a directory beyond the file', zip([a], { offset: 5000 }), /outside/],
    ['more entries than directory', zip([a, b], { count: 60000 }), /shorter|damaged/],
    ['two sizes of a stored entry', zip([{ ...a, size: 7 }]), /two sizes/],
    ['zip64 without its field', zip([{ ...a, header: 0xffffffff }]), /zip64/],
    ['no end', zip([a]).subarray(0, -1), /no end/],
    ['a wrong checksum', zip([{ ...a, crc: 1 }]), /checksum/],
    ['an unknown compression', zip([{ ...a, method: 12 }]), /method 12/],
    ['a bomb that says its size', zip([{ name: 'x', data: bomb, method: 8, size: 50_000_000 }]), /larger/],
    ['a bomb that hides its size', zip([{ name: 'x', data: bomb, method: 8, size: 1000 }]), /another size/],
    [
      'a size out of nothing',
      zip([{ name: 'x', data: bomb.subarray(0, 100), method: 8, size: 900_000 }]),
      /another size/,
    ],
    [
      'damaged deflate data',
      zip([{ name: 'x', data: strToU8('\xff\xff\xff\xff'), method: 8, size: 10 }]),
      /damaged/,
    ],
    [
      'deflate data cut off',
      zip([{ name: 'x', data: bomb.subarray(0, 30_000), method: 8, size: 900_000 }]),
      /another size|damaged/,
    ],
  ] as [string, Uint8Array, RegExp][])('%s', (_, bytes, message) => {
    const read = () => list(bytes).map((e) => readEntry(e, 1_000_000));
    expect(failure(read).describe()).toMatch(message);
  });

  test('a local header that pushes its data into the next entry', () => {
    const bytes = zip([a, b]);
    bytes[28] = 40;
    expect(failure(() => list(bytes)[0]!.dataOffset).message).toMatch(/overlap/);
  });
});
