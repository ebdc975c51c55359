import { describe, expect, test } from 'vitest';
import { bufferSource } from '../../src/formats/source';
import { StoredZip } from '../../src/formats/stored-zip';
import { openZip, readEntry } from '../../src/formats/zip';
import { concat } from './helpers';

const file = (i: number) => Uint8Array.from({ length: 10 + (i % 7) }, (_, j) => (i * 31 + j) & 255);
const read = (bytes: Uint8Array) =>
  openZip(bufferSource(bytes, 'test.zip')).map((e) => [e.name, [...readEntry(e, 1e6)]] as const);

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

  test('files behind four gigabytes', () => {
    const zip = new StoredZip();
    zip.add('first', file(1));
    // What lies between is not there: the directory alone is looked at.
    Object.assign(zip, { at: 5 * 2 ** 30 });
    const tail = concat([...zip.add('last', file(2)), ...zip.end()]);
    const start = 5 * 2 ** 30;
    const sparse = {
      name: 'large.zip',
      size: start + tail.length,
      read(offset: number, length: number) {
        const bytes = new Uint8Array(length);
        const before = Math.max(0, start - offset);
        if (before < length)
          bytes.set(tail.subarray(offset + before - start, offset + length - start), before);
        return bytes;
      },
    };
    const [, last] = openZip(sparse);
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
