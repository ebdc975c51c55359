import type { Picture } from '../types';

/** How a stored picture is to be shown: 1 as it is, 2 to 8 mirrored or turned, as EXIF numbers them. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const TAG = 0x0112;
/** No camera writes more entries; a larger directory is a damaged one. */
const MAX_ENTRIES = 512;

/**
 * The orientation that EXIF data (a TIFF header and a directory, with or without the name that JPEG and some writers
 * put before them) state; 1 where they state none, or are damaged: then the picture stays as it is stored.
 */
export function exifOrientation(exif: Uint8Array): Orientation {
  let data = exif;
  while (startsWith(data, 'Exif\0\0')) data = data.subarray(6);
  const little = startsWith(data, 'II*\0');
  if (!little && !startsWith(data, 'MM\0*')) return 1;
  const d = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (d.byteLength < 10) return 1;
  const directory = d.getUint32(4, little);
  if (directory + 2 > d.byteLength) return 1;
  const count = Math.min(d.getUint16(directory, little), MAX_ENTRIES);
  for (let at = directory + 2; at < directory + 2 + 12 * count && at + 12 <= d.byteLength; at += 12)
    if (d.getUint16(at, little) === TAG) {
      // A short, left-aligned in its four bytes.
      return asOrientation(d.getUint16(at + 8, little));
    }
  return 1;
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
