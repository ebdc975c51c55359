import { latin1 } from '../../formats/text';
import { inflateUpTo, mostInflated } from './inflate-bounded';

/** A text of a PNG: what it is, and what it says as bytes. */
export interface PngText {
  readonly keyword: string;
  readonly value: Uint8Array;
}

/** The keyword of XMP. */
export const XMP = 'XML:com.adobe.xmp';
/** The keyword by which ImageMagick and others keep EXIF data in a text. */
const RAW_EXIF = 'Raw profile type exif';

/** A text of interest says one number: what is longer unpacked is not looked at beyond this. */
const MAX_TEXT = 1 << 20;

/**
 * The text in a tEXt, zTXt or iTXt chunk, where its keyword is one that may state the orientation; null for all others.
 * Source: PNG specification (third edition), section 11.3.3.
 */
export function pngText(type: string, body: Uint8Array): PngText | null {
  const end = body.indexOf(0);
  const keyword = latin1(body.subarray(0, Math.max(0, end)));
  if (keyword !== XMP && keyword !== RAW_EXIF) return null;
  let packed = type === 'zTXt';
  let from = end + (packed ? 2 : 1);
  if (type === 'iTXt') {
    packed = body[end + 1] === 1;
    // A language and a translated keyword, each with a zero behind it.
    const language = body.indexOf(0, end + 3);
    const translated = language < 0 ? -1 : body.indexOf(0, language + 1);
    if (translated < 0) return null;
    from = translated + 1;
  }
  const value = body.subarray(from);
  return { keyword, value: packed ? unpacked(value) : value };
}

function unpacked(value: Uint8Array): Uint8Array {
  return inflateUpTo([value], Math.min(MAX_TEXT, mostInflated(value.length)));
}

/** EXIF data that stand as hexadecimal digits behind an empty line, a name and a length; null where they do not. */
export function exifOfText({ keyword, value }: PngText): Uint8Array | null {
  if (keyword !== RAW_EXIF) return null;
  const digits = latin1(value).split('\n').slice(3).join('').replace(/\s/g, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) return null;
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}
