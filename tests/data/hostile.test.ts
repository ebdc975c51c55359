import fc from 'fast-check';
import { zlibSync } from 'fflate';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Decoders, openDataset } from '../../src/data';
import { MAX_PIXELS } from '../../src/data/image/limits';
import { crc32 } from '../../src/formats/crc32';
import { openZip, readEntry } from '../../src/formats/zip';
import { InnateError } from '../../src/lib/errors';
import { DATA, decoders, file, source, zip } from './helpers';

/** Damaged and malicious files: always a typed error or a skipped image, soon and in little memory. */
const archive = file(DATA, 'images.zip');
const bytes = archive.read(0, archive.size);
const images = openZip(archive)
  .filter(({ name }) => !name.endsWith('.json'))
  .map((entry) => ({ name: entry.name, data: readEntry(entry, 1 << 20) }));
/** Others by kind, small ones: damage shall hit what steers the decoder. */
const others = openZip(file(DATA, 'formats.zip'))
  .filter(
    ({ name }) => /^(bmp|gif|tif|avif|webp|jpg-cmyk|png-3).*\.\w{3,4}$/.test(name) && !/\.rgba$/.test(name),
  )
  .map((entry) => ({ name: entry.name, data: readEntry(entry, 1 << 20) }));
const image = (end: string) => images.find(({ name }) => name.endsWith(end))!.data;

let codec: Decoders;
beforeAll(async () => {
  codec = decoders;
});

async function typed(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof InnateError) || error.code === 'backend') throw error;
  }
}

/** Where to change a file and into what. */
const edits = fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(255)), {
  minLength: 1,
  maxLength: 8,
});

function edited(data: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array {
  const out = data.slice();
  for (const [place, value] of changes) out[Math.floor(place * out.length)] = value;
  return out;
}

describe('damaged images', () => {
  test('changed bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(images.length - 1), edits, async (i, changes) => {
        await typed(codec.decode(edited(images[i]!.data, changes), 'x'));
      }),
      { numRuns: 1500 },
    );
  });

  test('changed bytes of the rarer formats', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(others.length - 1), edits, fc.boolean(), async (i, changes, head) => {
        const { data } = others[i]!;
        // Headers lie in the first bytes, those of a TIFF in the last.
        const places = head ? changes.map(([place, value]) => [place * 0.1, value] as const) : changes;
        await typed(codec.decode(edited(data, places), 'x'));
      }),
      { numRuns: 2500 },
    );
  }, 30_000);

  test('changed headers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(images.length - 1), fc.nat(39), fc.nat(255), async (i, at, value) => {
        const data = images[i]!.data.slice();
        data[at] = value;
        await typed(codec.decode(data, 'x'));
      }),
      { numRuns: 800 },
    );
  });

  test.each(images.map(({ name }) => name))('%s cut off anywhere is never a picture', async (name) => {
    const { data } = images.find((i) => i.name === name)!;
    // JPEG's end marker, and PNG's last chunk and checksums, say nothing of the pixels.
    const slack = name.endsWith('.jpg') ? 2 : name.endsWith('.png') ? 24 : 0;
    for (let length = 0; length < data.length - slack; length += 1 + Math.floor(data.length / 40))
      await expect(codec.decode(data.subarray(0, length), 'x'), String(length)).rejects.toBeInstanceOf(
        InnateError,
      );
  });

  test('good images are read as before after bad ones', async () => {
    for (const end of ['/444.jpg', '/lossy.webp']) {
      const before = await codec.decode(image(end), 'x');
      for (let k = 0; k < 20; k++) await typed(codec.decode(image(end).subarray(0, 100 + 20 * k), 'x'));
      expect(await codec.decode(image(end), 'x')).toEqual(before);
    }
  });
});

describe('damaged archives', () => {
  test('a changed or cut zip of images', async () => {
    await fc.assert(
      fc.asyncProperty(edits, fc.double({ min: 0.5, max: 1, noNaN: true }), async (changes, keep) => {
        const damaged = edited(bytes, changes).subarray(0, keep > 0.75 ? bytes.length : keep * bytes.length);
        await typed(
          (async () => {
            const set = await openDataset(source(damaged), { decoders: codec });
            for (let i = 0; i < set.size; i++) await set.read(i);
          })(),
        );
      }),
      { numRuns: 200 },
    );
  });

  test('an entry that does not match its checksum is a skipped image', async () => {
    const files = zip({ 'a.png': image('/rgb.png'), 'b.png': image('/rgb.png') });
    files[200]! ^= 1;
    const set = await openDataset(source(files), { decoders: codec });
    expect([await set.read(0), (await set.read(1))?.pixels.length]).toEqual([null, 3 * 22 * 22]);
    expect(set.skipped[0]!.reason).toContain('checksum');
  });
});

/** A PNG from its chunks, checksums right. */
function png(width: number, height: number, chunks: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8);
  const parts = [Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)];
  for (const [type, body] of [['IHDR', header] as const, ...chunks, ['IEND', new Uint8Array(0)] as const]) {
    const chunk = new Uint8Array(12 + body.length);
    const d = new DataView(chunk.buffer);
    d.setUint32(0, body.length);
    for (let i = 0; i < 4; i++) chunk[4 + i] = type.charCodeAt(i);
    chunk.set(body, 8);
    d.setUint32(8 + body.length, crc32(chunk.subarray(4, 8 + body.length)));
    parts.push(chunk);
  }
  return Uint8Array.from(parts.flatMap((p) => [...p]));
}

const zeros = (n: number) => zlibSync(new Uint8Array(n), { level: 9 });

describe('bombs', () => {
  test.each([
    ['PNG', png(8193, 4096, [['IDAT', zeros(100)]])],
    ['PNG of one row', png(40_000, 1, [['IDAT', zeros(100)]])],
  ])('a %s larger than the cap is refused from its header', async (_, data) => {
    expect(8193 * 4096).toBeGreaterThan(MAX_PIXELS);
    await expect(codec.decode(data, 'x')).rejects.toMatchObject({ code: 'refused' });
  });

  test('a JPEG and a WebP larger than the cap are refused from their headers', async () => {
    const jpeg = image('/444.jpg').slice();
    const frame = jpeg.findIndex((b, i) => b === 0xff && jpeg[i + 1] === 0xc0);
    jpeg.set([0xff, 0xff, 0xff, 0xff], frame + 5);
    await expect(codec.decode(jpeg, 'x')).rejects.toMatchObject({ code: 'refused' });
    const webp = image('/lossless.webp').slice();
    webp.set([0xff, 0xff, 0xff, 0x0f], 21);
    await expect(codec.decode(webp, 'x')).rejects.toMatchObject({ code: 'refused' });
  });

  test.each([4, 80])('%i MB of pixels after the picture are not unpacked', async (megabytes) => {
    const data = png(4, 4, [['IDAT', zeros(megabytes * 2 ** 20)]]);
    const before = performance.now();
    expect((await codec.decode(data, 'x')).width).toBe(4);
    expect(performance.now() - before).toBeLessThan(200);
  });

  test('a strip of a TIFF is unpacked only as far as its header says', async () => {
    const tiff = others.find(({ name }) => name === 'tif-tiff_adobe_deflate-rgb.tif')!.data;
    const bomb = zeros(16 * 2 ** 20);
    const data = new Uint8Array(tiff.length + bomb.length);
    data.set(tiff);
    data.set(bomb, tiff.length);
    const view = new DataView(data.buffer);
    const directory = view.getUint32(4, true);
    for (let i = 0; i < view.getUint16(directory, true); i++) {
      const at = directory + 2 + 12 * i;
      if (view.getUint16(at, true) === 273) view.setUint32(at + 8, tiff.length, true);
      if (view.getUint16(at, true) === 279) view.setUint32(at + 8, bomb.length, true);
    }
    const before = performance.now();
    expect((await codec.decode(data, 'x')).width).toBe(21);
    expect(performance.now() - before).toBeLessThan(200);
  });

  test('a picture that its data cannot fill is refused before memory is taken', async () => {
    const data = png(4096, 4096, [['IDAT', zeros(100)]]);
    await expect(codec.decode(data, 'x')).rejects.toThrow('does not hold as many pixels');
  });

  test('colour profiles are never unpacked', async () => {
    const profile = zeros(64 * 2 ** 20);
    const body = new Uint8Array(3 + profile.length);
    body.set([0x78, 0, 0]);
    body.set(profile, 3);
    const data = png(4, 4, [
      ['iCCP', body],
      ['IDAT', zeros(4 * 13)],
    ]);
    const before = performance.now();
    expect((await codec.decode(data, 'x')).width).toBe(4);
    expect(performance.now() - before).toBeLessThan(50);
  });

  test('a progressive JPEG of thousands of scans is refused', async () => {
    const jpeg = image('/progressive.jpg');
    const scan = Uint8Array.of(0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0);
    const many = new Uint8Array(jpeg.length + 2000 * scan.length);
    many.set(jpeg.subarray(0, -2));
    for (let k = 0; k < 2000; k++) many.set(scan, jpeg.length - 2 + k * scan.length);
    many.set([0xff, 0xd9], many.length - 2);
    await expect(codec.decode(many, 'x')).rejects.toMatchObject({ code: 'refused' });
  });

  test('a zip entry that claims more than its data', async () => {
    const files = zip({ 'a.png': new Uint8Array(1000), 'b.png': image('/rgb.png') }, 6);
    const view = new DataView(files.buffer);
    for (let at = 0; at + 46 < files.length; at++)
      if (view.getUint32(at, true) === 0x02014b50) {
        view.setUint32(at + 24, 60 * 2 ** 20, true);
        break;
      }
    const set = await openDataset(source(files), { decoders: codec });
    expect([await set.read(0), (await set.read(1)) === null]).toEqual([null, false]);
  });
});

test.each([
  ['/lossy.webp', 12, 'XXXX', 'unknown kind'],
  ['/444.jpg', 0, '8BPS', 'not read'],
  ['/444.jpg', 0, 'BM', 'BMP'],
  ['/444.jpg', 0, 'text', 'not an image'],
])('%s with %s bytes of another kind', async (end, at, text, message) => {
  const data = image(end).slice();
  data.set(new TextEncoder().encode(text), at);
  await expect(codec.decode(data, 'x')).rejects.toThrow(message);
});
