import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bufferSource } from '../../src/formats/source';
import { SLOT_HEADER, type SlotFile, SlotPair, type SlotPlaces } from '../../src/storage/slots';

/** Two files in memory. `budget` bytes can still be written before the machine stops. */
class Disk implements SlotPlaces {
  readonly files: [Uint8Array | null, Uint8Array | null] = [null, null];
  budget = Number.POSITIVE_INFINITY;
  /** Bytes that a single write takes at most. */
  chunk = Number.POSITIVE_INFINITY;

  async open(index: 0 | 1): Promise<SlotFile> {
    this.files[index] ??= new Uint8Array(0);
    const resize = (size: number) => {
      const old = this.files[index]!;
      const next = new Uint8Array(size);
      next.set(old.subarray(0, size));
      this.files[index] = next;
    };
    return {
      write: (bytes, { at }) => {
        const count = Math.min(bytes.byteLength, this.budget, this.chunk);
        if (this.budget <= 0) throw new DOMException('full', 'QuotaExceededError');
        if (at + count > this.files[index]!.length) resize(at + count);
        this.files[index]!.set(bytes.subarray(0, count), at);
        this.budget -= count;
        return count;
      },
      getSize: () => this.files[index]!.length,
      truncate: resize,
      flush: () => {},
      close: () => {},
    };
  }

  async read(index: 0 | 1) {
    const bytes = this.files[index];
    return bytes && bufferSource(bytes, `slot ${index}`);
  }
}

const text = (value: string) => [new TextEncoder().encode(value)];
async function loaded(disk: Disk): Promise<string | null> {
  const source = await new SlotPair(disk).load();
  return source && new TextDecoder().decode(source.read(0, source.size));
}

test('the newest payload comes back, also from a fresh look at the disk', async () => {
  const disk = new Disk();
  const pair = new SlotPair(disk);
  expect(await pair.load()).toBeNull();
  for (const value of ['one', 'two, longer', 'three']) {
    await pair.save(text(value));
    expect(await loaded(disk)).toBe(value);
  }
  await new SlotPair(disk).save(text('four'));
  expect(await loaded(disk)).toBe('four');
  expect(disk.files.every((f) => f !== null)).toBe(true);
});

test('pieces and short writes make one payload', async () => {
  const disk = new Disk();
  disk.chunk = 3;
  const bytes = await new SlotPair(disk).save([...text('abcd'), ...text(''), ...text('efgh')]);
  expect(bytes).toBe(SLOT_HEADER + 8);
  expect(await loaded(disk)).toBe('abcdefgh');
});

test('a write that is cut off anywhere leaves the payload before it', async () => {
  const payload = 'x'.repeat(50);
  const whole = 2 * SLOT_HEADER + payload.length; // the header is written twice
  for (let cut = 0; cut < whole; cut++) {
    const disk = new Disk();
    const pair = new SlotPair(disk);
    await pair.save(text('first'));
    await pair.save(text('second, which is longer than the first'));
    disk.budget = cut;
    await expect(pair.save(text(payload))).rejects.toThrow('full');
    expect(await loaded(disk), `cut after ${cut} bytes`).toBe('second, which is longer than the first');
    // The same pair goes on once there is room again.
    disk.budget = Number.POSITIVE_INFINITY;
    await pair.save(text('again'));
    expect(await loaded(disk)).toBe('again');
  }
});

test('either slot may be damaged anywhere: the other one is taken', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 1),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (which, at, by) => {
        const disk = new Disk();
        const pair = new SlotPair(disk);
        await pair.save(text('older'));
        await pair.save(text('newer'));
        const bytes = disk.files[which as 0 | 1]!;
        bytes[at % bytes.length]! ^= by;
        expect(await loaded(disk)).toBe(which === 0 ? 'newer' : 'older');
      },
    ),
    { numRuns: 300 },
  );
});

test('a slot that lost its end is none; with both lost there is nothing', async () => {
  const disk = new Disk();
  const pair = new SlotPair(disk);
  await pair.save(text('older'));
  await pair.save(text('newer'));
  disk.files[1] = disk.files[1]!.slice(0, -1);
  expect(await loaded(disk)).toBe('older');
  disk.files[0] = new Uint8Array(10);
  expect(await loaded(disk)).toBeNull();
  await new SlotPair(disk).save(text('begins again'));
  expect(await loaded(disk)).toBe('begins again');
});
