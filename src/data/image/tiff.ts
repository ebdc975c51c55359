import { fromArrayBuffer, type GeoTIFFImage, globals } from 'geotiff';
import { badFile, InnateError } from '../../lib/errors';
import { interleaved, type Picture } from '../types';
import { inked } from './inks';
import { jpegHeader } from './jpeg-header';
import { checkSize } from './limits';
import { asOrientation, statedOrientation, upright } from './orientation';
import { registerBlockDecoders } from './tiff-blocks';

registerBlockDecoders();

const { photometricInterpretations: COLOURS } = globals;
/** Bytes of all samples as they are stored: four of 16 bits a pixel. */
const SAMPLE_BYTES = 8;
/** More strips and tiles are a hostile file: each costs a promise. */
const MAX_BLOCKS = 65_536;

const COMPRESSIONS: Record<number, string> = {
  1: 'none',
  5: 'LZW',
  7: 'JPEG',
  8: 'deflate',
  32773: 'PackBits',
  32946: 'deflate',
};
/** For messages: what else there is. */
const OTHERS: Record<number, string> = {
  2: 'CCITT',
  3: 'CCITT Group 3',
  4: 'CCITT Group 4',
  6: 'old JPEG',
  34887: 'LERC',
  34925: 'LZMA',
  50000: 'Zstandard',
  50001: 'WebP',
};

type Samples = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array;

/** Sample formats. */
const UNSIGNED = 1;
const SIGNED = 2;
const FLOAT = 3;

/**
 * The first picture of a TIFF, upright: grey, palette, RGB, CMYK and YCbCr (as JPEG), 1 to 16 bits, in strips or tiles,
 * interleaved or in planes, either byte order, BigTIFF too. Of 16 bits the upper eight are taken; grey of 32 bits, whole
 * or floating point, is 0 to 255, as Pillow has it.
 */
export async function decodeTiff(bytes: Uint8Array, where: string, maxPixels: number): Promise<Picture> {
  try {
    const file = await fromArrayBuffer(bytes.slice().buffer);
    return await decodeImage(await file.getImage(0), bytes, where, maxPixels);
  } catch (error) {
    if (error instanceof InnateError) throw error;
    throw badFile(
      'the TIFF image is damaged or cut off',
      { where, found: String((error as Error).message) },
      error,
    );
  }
}

async function decodeImage(
  image: GeoTIFFImage,
  bytes: Uint8Array,
  where: string,
  maxPixels: number,
): Promise<Picture> {
  const tags = image.fileDirectory;
  const [width, height] = [image.getWidth(), image.getHeight()];
  checkSize({ width, height }, where, maxPixels);
  const unsupported = (what: string, found: string, expected: string) =>
    new InnateError('unsupported', `a TIFF image of ${what} that is not read`, { where, expected, found });
  const compression = Number(tags.getValue('Compression') ?? 1);
  if (!(compression in COMPRESSIONS))
    throw unsupported(
      'a compression',
      OTHERS[compression] ?? String(compression),
      [...new Set(Object.values(COMPRESSIONS))].join(', '),
    );
  const perPixel = image.getSamplesPerPixel();
  // Bilevel files may leave out that a sample has one bit.
  if (!tags.hasTag('BitsPerSample')) tags.actualizedFields.set(258, Array(perPixel).fill(1));
  const depths = Array.from(tags.getValue('BitsPerSample') ?? [], Number);
  const bits = depths[0] ?? 1;
  const format = image.getSampleFormat() ?? 1;
  const plain = format === UNSIGNED && [1, 2, 4, 8, 16].includes(bits);
  const wide = bits === 32 && perPixel === 1 && [UNSIGNED, SIGNED, FLOAT].includes(format);
  if (!(plain || wide) || depths.some((depth) => depth !== bits) || perPixel > 8)
    throw unsupported(
      'samples',
      `${perPixel} of ${bits} bits, format ${format}`,
      'whole numbers of 1 to 16 bits, or one number of 32',
    );
  if (bits < 8 && perPixel > 1)
    throw unsupported('samples', `${perPixel} of ${bits} bits`, 'one of less than 8 bits');
  if ((width * height * perPixel * Math.max(8, bits)) / 8 > SAMPLE_BYTES * maxPixels)
    throw new InnateError('refused', 'the image is too large', { where, found: `${width} x ${height}` });
  const blocks =
    Math.ceil(width / image.getTileWidth()) * Math.ceil(height / image.getTileHeight()) * perPixel;
  if (!(image.getTileWidth() * image.getTileHeight() <= 4 * maxPixels) || !(blocks <= MAX_BLOCKS))
    throw new InnateError('refused', 'a TIFF image of an absurd number of strips', { where });
  if (compression === 7) await checkJpegBlocks(image, bytes, where);
  const colours = Number(tags.getValue('PhotometricInterpretation') ?? COLOURS.BlackIsZero);
  if (colours === COLOURS.YCbCr && compression !== 7) throw unsupported('colours', 'plain YCbCr', 'RGB');
  const picture = await toPicture(image, colours, bits, perPixel, unsupported);
  const orientation = await tags.loadValue('Orientation');
  const xmp = orientation === undefined ? await tags.loadValue('XMP') : undefined;
  return upright(
    picture,
    xmp
      ? statedOrientation(null, Uint8Array.from(xmp as ArrayLike<number>))
      : asOrientation(Number(orientation)),
  );
}

/** A JPEG inside says its size anew; the decoder would allocate for it. */
async function checkJpegBlocks(image: GeoTIFFImage, bytes: Uint8Array, where: string): Promise<void> {
  const tags = image.fileDirectory;
  const offsets = await tags.loadValue(image.isTiled ? 'TileOffsets' : 'StripOffsets');
  for (const offset of Array.from((offsets as ArrayLike<number>) ?? [], Number)) {
    const { width, height } = jpegHeader(bytes.subarray(offset), where);
    if (width > image.getTileWidth() + 64 || height > image.getTileHeight() + 64)
      throw badFile('a strip of a TIFF image is larger than it may be', {
        where,
        found: `${width} x ${height}`,
      });
  }
}

async function toPicture(
  image: GeoTIFFImage,
  colours: number,
  bits: number,
  perPixel: number,
  unsupported: (what: string, found: string, expected: string) => InnateError,
): Promise<Picture> {
  const [width, height] = [image.getWidth(), image.getHeight()];
  const read = async () => (await image.readRasters({ interleave: true })) as unknown as Samples;
  const n = width * height;
  const most = 2 ** bits - 1;
  const to8 =
    bits === 32
      ? (v: number) => Math.trunc(Math.min(255, Math.max(0, v)))
      : bits === 16
        ? (v: number) => v >> 8
        : (v: number) => Math.trunc((v * 255) / most);
  if (colours === COLOURS.YCbCr) {
    const rgb = (await image.readRGB({ interleave: true })) as unknown as Samples;
    return interleaved(width, height, 3, Uint8Array.from(rgb));
  }
  if (colours === COLOURS.Palette) {
    const map = (await image.fileDirectory.loadValue('ColorMap')) as ArrayLike<number> | undefined;
    if (!map) throw unsupported('a palette', 'none', 'a colour map');
    const size = map.length / 3;
    const indices = await read();
    const out = new Uint8Array(3 * n);
    for (let i = 0; i < n; i++)
      for (let c = 0; c < 3; c++) out[3 * i + c] = (map[c * size + indices[i * perPixel]!] ?? 0) >> 8;
    return interleaved(width, height, 3, out);
  }
  const grey = colours === COLOURS.BlackIsZero || colours === COLOURS.WhiteIsZero;
  const inks = colours === COLOURS.CMYK;
  if (!grey && !inks && colours !== COLOURS.RGB)
    throw unsupported('colours', `photometric interpretation ${colours}`, 'grey, palette, RGB, CMYK');
  const basic = grey ? 1 : inks ? 4 : 3;
  if (perPixel < basic) throw unsupported('samples', `${perPixel} samples a pixel`, String(basic));
  const samples = await read();
  const extra = Number(Array.from(image.fileDirectory.getValue('ExtraSamples') ?? [], Number)[0] ?? 0);
  // Alpha: 1 multiplied into the colours, 2 beside them; anything else is no alpha.
  const alpha = !inks && perPixel > basic && (extra === 1 || extra === 2);
  const channels = alpha ? 4 : grey ? 1 : 3;
  const out = new Uint8Array(channels * n);
  for (let i = 0; i < n; i++) {
    const at = i * perPixel;
    if (inks) {
      const k = 255 - to8(samples[at + 3]!);
      for (let c = 0; c < 3; c++) out[3 * i + c] = inked(to8(samples[at + c]!), k);
      continue;
    }
    const a = alpha ? to8(samples[at + basic]!) : 255;
    for (let c = 0; c < Math.min(channels, 3); c++) {
      const v = to8(samples[at + (grey ? 0 : c)]!);
      const shown = colours === COLOURS.WhiteIsZero ? 255 - v : v;
      out[channels * i + c] =
        extra === 1 && alpha && a > 0 ? Math.min(255, Math.trunc((255 * shown) / a)) : shown;
    }
    if (alpha) out[4 * i + 3] = a;
  }
  return interleaved(width, height, channels, out);
}
