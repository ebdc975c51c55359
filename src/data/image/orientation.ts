import { latin1 } from '../../formats/text';
import type { Picture } from '../types';

/** How a stored picture is to be shown: 1 as it is, 2 to 8 mirrored or turned, as EXIF numbers them. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const TAG = 0x0112;
const SHORT = 3;
const LONG = 4;
/** No camera writes more entries; a larger directory is a damaged one. */
const MAX_ENTRIES = 512;

/**
 * How a picture is to be shown, as Pillow's exif_transpose has it: by its EXIF data, else, where these do not speak of
 * it, by its XMP. Where neither does, or what they say is none, the picture stays as it is stored.
 */
export function statedOrientation(exif: Uint8Array | null, xmp: Uint8Array | null): Orientation {
  return asOrientation((exif && exifOrientation(exif)) ?? (xmp && xmpOrientation(xmp)));
}

/** The value in <... tiff:Orientation="6"> or <tiff:Orientation>6</tiff:Orientation>; null where there is none. */
function xmpOrientation(xmp: Uint8Array): number | null {
  const found = /tiff:Orientation(?:="|>)([0-9])/.exec(latin1(xmp));
  return found ? Number(found[1]) : null;
}

/**
 * The orientation's number in EXIF data (a TIFF header and a directory, with or without the name that JPEG and some
 * writers put before them); null where they state none, or are damaged.
 */
function exifOrientation(exif: Uint8Array): number | null {
  let data = exif;
  while (startsWith(data, 'Exif\0\0')) data = data.subarray(6);
  const little = startsWith(data, 'II*\0');
  if (!little && !startsWith(data, 'MM\0*')) return null;
  const d = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (d.byteLength < 10) return null;
  const directory = d.getUint32(4, little);
  if (directory + 2 > d.byteLength) return null;
  const count = Math.min(d.getUint16(directory, little), MAX_ENTRIES);
  for (let at = directory + 2; at < directory + 2 + 12 * count && at + 12 <= d.byteLength; at += 12)
    if (d.getUint16(at, little) === TAG) {
      // Left-aligned in its four bytes; a short, as the standard has it, or a long one.
      const type = d.getUint16(at + 2, little);
      if (type === SHORT) return d.getUint16(at + 8, little);
      return type === LONG ? d.getUint32(at + 8, little) : null;
    }
  return null;
}

export const asOrientation = (value: unknown): Orientation =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 8 ? (value as Orientation) : 1;

/** The picture upright. Nothing is copied: only where it begins and how one steps through it change. */
export function upright(picture: Picture, orientation: Orientation): Picture {
  const { width, height, offset, stepX, stepY } = picture;
  // Orientations 5 to 8 swap rows and columns; the corner that comes to the upper left decides the signs.
  const fromRight = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8;
  const fromBelow = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7;
  const across = fromRight ? -stepX : stepX;
  const down = fromBelow ? -stepY : stepY;
  const start = offset + (fromRight ? (width - 1) * stepX : 0) + (fromBelow ? (height - 1) * stepY : 0);
  return orientation < 5
    ? { ...picture, offset: start, stepX: across, stepY: down }
    : { ...picture, width: height, height: width, offset: start, stepX: down, stepY: across };
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  if (bytes.length < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text.charCodeAt(i)) return false;
  return true;
}
