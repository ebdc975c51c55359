import { badFile, InnateError } from '../../lib/errors';
import { ascii, bigEndian16, joined } from './bytes';
import { type Orientation, statedOrientation } from './orientation';

/**
 * A progressive picture is walked over once a scan, so a small file of thousands of scans would cost minutes.
 * Encoders write about ten scans; this allows 1,000 of a small picture and 16 of the largest.
 */
const MAX_SCAN_PIXELS = 2 ** 29;
const MAX_SCANS = 1000;

const SOS = 0xda;
const EOI = 0xd9;
const APP1 = 0xe1;
const APP14 = 0xee;
const EXIF = 'Exif\0\0';
const XMP = 'http://ns.adobe.com/xap/1.0/\0';

/** What the segments before the first scan say. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 colour, 4 inks. */
  readonly components: number;
  /** Samples of each component in the smallest square that holds whole ones of all: [across, down]. */
  readonly sampling: readonly (readonly [number, number])[];
  readonly orientation: Orientation;
  /** What Adobe's own segment says of the colours: 2 is luma, chroma and black; null where it is not there. */
  readonly adobe: number | null;
}

/** SOF0 to SOF15; the rest of that range are tables (DHT, JPG, DAC). */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/**
 * Size and kind of a JPEG picture, from its frame header. Stray bytes between segments are passed over, as libjpeg
 * does. Throws for kinds that no decoder here knows.
 */
export function jpegHeader(bytes: Uint8Array, where: string): JpegHeader {
  const exif: Uint8Array[] = [];
  let xmp: Uint8Array | null = null;
  let adobe: number | null = null;
  let frame: Omit<JpegHeader, 'orientation' | 'adobe'> | null = null;
  for (let at = 2; ; ) {
    // To the next marker: what is not one, and zeros after 0xff, are no segment.
    while (at + 1 < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] !== 0xff && bytes[at + 1] !== 0))
      at++;
    const marker = bytes[at + 1]!;
    if (at + 4 > bytes.length || marker === SOS || marker === EOI) {
      if (frame && marker === SOS)
        return {
          ...frame,
          orientation: statedOrientation(exif.length > 0 ? joined(exif) : null, xmp),
          adobe,
        };
      if (frame) throw badFile('the JPEG image ends too early', { where });
      throw badFile('the JPEG image has no frame', { where });
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    const length = bigEndian16(bytes, at + 2);
    // A segment that states less than its own length is empty for libjpeg.
    const end = at + 2 + Math.max(2, length);
    if (end > bytes.length) throw badFile('the JPEG image ends too early', { where });
    if (isFrame(marker)) frame ??= readFrame(bytes, at, marker, length, where);
    else if (marker === APP1 && ascii(bytes, at + 4, EXIF.length) === EXIF)
      // More than 64 KB continue in the next segment.
      exif.push(bytes.subarray(at + 4 + EXIF.length, end));
    else if (marker === APP1 && ascii(bytes, at + 4, XMP.length) === XMP)
      xmp = bytes.subarray(at + 4 + XMP.length, end);
    else if (marker === APP14 && length >= 14 && ascii(bytes, at + 4, 5) === 'Adobe') adobe = bytes[at + 15]!;
    at = end;
  }
}

function readFrame(bytes: Uint8Array, at: number, marker: number, length: number, where: string) {
  if (length < 8) throw badFile('the JPEG frame is too short', { where });
  const unsupported = (found: string) =>
    new InnateError('unsupported', 'a kind of JPEG that is not read', {
      where,
      expected: '8-bit baseline or progressive: grey, colour or CMYK',
      found,
    });
  if (marker > 0xc2) throw unsupported(FRAMES[marker - 0xc0] ?? `frame type ${marker - 0xc0}`);
  const precision = bytes[at + 4]!;
  const height = bigEndian16(bytes, at + 5);
  const width = bigEndian16(bytes, at + 7);
  const components = bytes[at + 9]!;
  if (precision !== 8) throw unsupported(`${precision} bits`);
  if (![1, 3, 4].includes(components)) throw unsupported(`${components} components`);
  if (marker === 0xc2) checkScans(bytes, at + 2 + length, width * height, where);
  if (length < 8 + 3 * components) throw badFile('the JPEG frame is too short', { where });
  const sampling = Array.from({ length: components }, (_, i) => {
    const factors = bytes[at + 11 + 3 * i]!;
    return [factors >> 4, factors & 15] as const;
  });
  if (sampling.some(([h, v]) => h < 1 || h > 4 || v < 1 || v > 4))
    throw badFile('the JPEG frame is damaged', { where, found: 'a sampling factor out of range' });
  return { width, height, components, sampling };
}

/** What kinds of frames that are not read are called in messages. */
const FRAMES: Record<number, string> = {
  3: 'lossless JPEG',
  9: 'arithmetic coding',
  10: 'arithmetic coding, progressive',
  11: 'arithmetic coding, lossless',
};

function checkScans(bytes: Uint8Array, from: number, pixels: number, where: string): void {
  let scans = 0;
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1))
    if (bytes[at + 1] === SOS) scans++;
  if (scans > MAX_SCANS || scans * pixels > MAX_SCAN_PIXELS)
    throw new InnateError('refused', 'a progressive JPEG of an absurd number of scans', {
      where,
      found: String(scans),
    });
}
