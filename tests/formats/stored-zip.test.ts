import { describe, expect, test } from 'vitest';
import { bufferSource, type Source } from '../../src/formats/source';
import { StoredZip } from '../../src/formats/stored-zip';
import { openZip, readEntry } from '../../src/formats/zip';
import { concat } from './helpers';

const file = (i: number) => Uint8Array.from({ length: 10 + (i % 7) }, (_, j) => (i * 31 + j) & 255);
const read = (bytes: Uint8Array) =>
  openZip(bufferSource(bytes, 'test.zip')).map((e) => [e.name, [...readEntry(e, 1e6)]] as const);

/** A file that begins with `head` and has `tail` at the byte `start`; between them is nothing but zeros. */
const sparse = (head: Uint8Array, tail: Uint8Array, start: number): Source => ({
  name: 'large.zip',
  size: start + tail.length,
  read(offset, length) {
    const bytes = new Uint8Array(length);
    for (const [part, at] of [
      [head, 0],
      [tail, start],
    ] as const) {
      const from = Math.max(offset, at);
      const to = Math.min(offset + length, at + part.length);
      if (from < to) bytes.set(part.subarray(from - at, to - at), from - offset);
    }
    return bytes;
  },
});

describe('an archive of stored files', () => {
  test('our reader finds every file as it was', () => {
    const zip = new StoredZip();
    const parts = ['000000.png', '000001/ü.png', '2.json'].flatMap((name, i) => zip.add(name, file(i)));
    expect(zip.length).toBe(concat(parts).length);
    expect(read(concat([...parts, ...zip.end()]))).toEqual([
      ['000000.png', [...file(0)]],
      ['000001/ü.png', [...file(1)]],
      ['2.json', [...file(2)]],
    ]);
  });

  test('more files than the old directory can count', () => {
    const zip = new StoredZip();
    const parts: Uint8Array[] = [];
    for (let i = 0; i < 70_000; i++) parts.push(...zip.add(`${i}`, file(i)));
    const entries = openZip(bufferSource(concat([...parts, ...zip.end()]), 'many.zip'));
    expect(entries.length).toBe(70_000);
    expect([...readEntry(entries[69_999]!, 1e6)]).toEqual([...file(69_999)]);
  });

  test('a file of more than four gigabytes, and one behind it', () => {
    const zip = new StoredZip();
    const size = 5 * 2 ** 30;
    const head = concat(zip.header('large', size, 0));
    const tail = concat([...zip.add('last', file(2)), ...zip.end()]);
    const start = head.length + size;
    const [large, last] = openZip(sparse(head, tail, start));
    expect([large!.name, large!.size]).toEqual(['large', size]);
    expect([...readEntry(last!, 1e6)]).toEqual([...file(2)]);
  });

  test('files behind four gigabytes', () => {
    const zip = new StoredZip();
    zip.add('first', file(1));
    // What lies between is not there: the directory alone is looked at.
    Object.assign(zip, { at: 5 * 2 ** 30 });
    const tail = concat([...zip.add('last', file(2)), ...zip.end()]);
    const start = 5 * 2 ** 30;
    const [, last] = openZip(sparse(new Uint8Array(), tail, start));
    expect(last!.name).toBe('last');
    expect([...readEntry(last!, 1e6)]).toEqual([...file(2)]);
  });
});

describe('an archive that broke off', () => {
  const whole = new StoredZip();
  const parts = Array.from({ length: 20 }, (_, i) => whole.add(`${i}.png`, file(i)));
  const bytes = concat(parts.flat());
  const ends = parts.map((_, i) => concat(parts.slice(0, i + 1).flat()).length);

  test('goes on behind its last whole file, wherever it was cut', () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const again = StoredZip.resume(bufferSource(bytes.slice(0, cut), 'cut.zip'));
      const count = ends.filter((end) => end <= cut).length;
      expect([again.count, again.length]).toEqual([count, ends[count - 1] ?? 0]);
    }
  });

  test('is the archive that was never interrupted', () => {
    const cut = ends[11]! + 17;
    const again = StoredZip.resume(bufferSource(bytes.slice(0, cut), 'cut.zip'));
    const kept = bytes.slice(0, again.length);
    const rest = Array.from({ length: 8 }, (_, i) => again.add(`${12 + i}.png`, file(12 + i))).flat();
    expect(concat([kept, ...rest, ...again.end()])).toEqual(concat([bytes, ...whole.end()]));
  });

  test('with its directory written is whole', () => {
    const again = StoredZip.resume(bufferSource(concat([bytes, ...whole.end()]), 'whole.zip'));
    expect([again.count, again.length]).toEqual([20, bytes.length]);
    expect(again.last).toBe('19.png');
    again.removeLast();
    expect([again.count, again.length, again.last]).toEqual([19, ends[18], '18.png']);
  });

  test('a file whose bytes the disk lost is left out', () => {
    const lost = bytes.slice();
    lost.fill(0, ends[17]! + 35);
    expect(StoredZip.resume(bufferSource(lost.slice(0, ends[18]), 'lost.zip')).count).toBe(18);
  });
});
