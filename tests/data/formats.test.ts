import { describe, expect, test } from 'vitest';
import { openZip, readEntry } from '../../src/formats/zip';
import { DATA, decoders, file } from './helpers';

/**
 * Images of the kinds that programs write, against what Pillow makes of them (tests/data/make_formats.py): the pixels,
 * upright, of the first frame.
 */
const entries = new Map(openZip(file(DATA, 'formats.zip')).map((entry) => [entry.name, entry]));
const read = (name: string) => readEntry(entries.get(name)!, 1 << 22);
const expected = JSON.parse(new TextDecoder().decode(read('expected.json'))) as Record<
  string,
  [number, number]
>;

/** How far a pixel may be off: nothing where the format is lossless, a rounding or two of another decoder elsewhere. */
function bound(name: string): number {
  if (name.endsWith('.avif')) return 4;
  if (/ycck|cmyk.*\.jpg/.test(name)) return 3;
  if (/^tif-jpeg/.test(name)) return 1;
  return 0;
}

/** RGBA, row after row. */
async function decode(name: string) {
  const { width, height, channels, data, offset, stepX, stepY, stepC } = await decoders.decode(
    read(name),
    name,
  );
  const out = new Uint8Array(4 * width * height);
  for (let y = 0, o = 0; y < height; y++)
    for (let x = 0; x < width; x++, o += 4) {
      const at = offset + x * stepX + y * stepY;
      for (let c = 0; c < 3; c++) out[o + c] = data[at + (channels === 1 ? 0 : c * stepC)]!;
      out[o + 3] = channels === 4 ? data[at + 3 * stepC]! : 255;
    }
  return { width, height, out };
}

describe.each(['png', 'bmp', 'gif', 'tif', 'jpg', 'webp', 'avif', 'turned'])('%s', (kind) => {
  const names = Object.keys(expected).filter((name) => name.startsWith(`${kind}-`));
  test.each(names)('%s', async (name) => {
    const { width, height, out } = await decode(name);
    expect([width, height]).toEqual(expected[name]);
    const wanted = read(`${name}.rgba`);
    let worst = 0;
    for (let i = 0; i < out.length; i++) {
      // What is fully transparent has no colour.
      if (i % 4 < 3 && wanted[i - (i % 4) + 3] === 0 && out[i - (i % 4) + 3] === 0) continue;
      worst = Math.max(worst, Math.abs(out[i]! - wanted[i]!));
    }
    expect(worst).toBeLessThanOrEqual(bound(name));
  });
});

test('kinds of JPEG and TIFF that are not read say what they are', async () => {
  const arithmetic = read('jpg-colour.jpg').slice();
  arithmetic[arithmetic.findIndex((b, i) => b === 0xff && arithmetic[i + 1] === 0xc0) + 1] = 0xc9;
  await expect(decoders.decode(arithmetic, 'x')).rejects.toMatchObject({
    code: 'unsupported',
    detail: { found: 'arithmetic coding' },
  });
  const deep = read('jpg-colour.jpg').slice();
  deep[deep.findIndex((b, i) => b === 0xff && deep[i + 1] === 0xc0) + 4] = 12;
  await expect(decoders.decode(deep, 'x')).rejects.toMatchObject({ detail: { found: '12 bits' } });
  const fax = read('tif-little-one-white-is-0.tif').slice();
  fax[10 + 12 * 3 + 8] = 4;
  await expect(decoders.decode(fax, 'x')).rejects.toMatchObject({ detail: { found: 'CCITT Group 4' } });
});
