import { badFile, InnateError } from '../../lib/errors';
import { ascii } from './bytes';

export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'bmp' | 'tiff' | 'avif';

/** The formats as messages name them. */
export const FORMATS_READ = 'PNG, JPEG, WebP, GIF, BMP, TIFF or AVIF';

const KNOWN: readonly (readonly [ImageFormat, RegExp])[] = [
  ['png', /^\x89PNG\r\n.\n/s],
  ['jpeg', /^\xff\xd8\xff/],
  ['webp', /^RIFF.{4}WEBP/s],
  ['gif', /^GIF8[79]a/],
  ['bmp', /^BM/],
  // Classic and BigTIFF, little- and big-endian.
  ['tiff', /^(II[*+]\0|MM\0[*+])/],
  ['avif', /^.{4}ftyp.{0,64}avi[fs]/s],
];

/** Formats that no decoder here reads, by their first bytes. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/^.{4}ftyp(hei|mif1|msf1)/s, 'a HEIC image'],
  [/^(\xff\n|.{4}JXL )/s, 'a JPEG XL image'],
  [/^.{4}jP {2}/s, 'a JPEG 2000 image'],
  [/^P[1-7]\s/, 'a PNM image'],
  [/^8BPS/, 'a Photoshop file'],
  [/^\s*<(svg|\?xml)/i, 'an SVG drawing'],
];

/** Bytes that are enough to name a format. */
export const SNIFF_BYTES = 96;

/** Format of an image from its first bytes; null when it is none of the formats that are read. */
export function sniffImage(head: Uint8Array): ImageFormat | null {
  const text = ascii(head, 0, SNIFF_BYTES);
  return KNOWN.find(([, pattern]) => pattern.test(text))?.[0] ?? null;
}

/** The error for bytes that `sniffImage` does not know. */
export function notAnImage(bytes: Uint8Array, where: string): InnateError {
  if (bytes.length === 0) return badFile('the image file is empty', { where });
  const head = ascii(bytes, 0, 24);
  for (const [pattern, found] of OTHERS)
    if (pattern.test(head))
      return new InnateError('unsupported', 'an image format that is not read', {
        where,
        expected: FORMATS_READ,
        found,
      });
  return badFile('not an image', { where, expected: FORMATS_READ });
}
