import { badFile, InnateError } from '../../lib/errors';
import { bigEndian16 } from './bytes';

/**
 * A progressive picture is walked over once a scan, so a small file of thousands of scans would cost minutes.
 * Encoders write about ten scans; this allows 1,000 of a small picture and 16 of the largest.
 */
const MAX_SCAN_PIXELS = 2 ** 29;
const MAX_SCANS = 1000;

const SOS = 0xda;
const EOI = 0xd9;

/** SOF0 to SOF15; the rest of that range are tables (DHT, JPG, DAC). */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/** Size of a JPEG picture, from its frame header. Throws for kinds that the decoder does not know. */
export function jpegHeader(bytes: Uint8Array, where: string): { width: number; height: number } {
  let at = 2;
  for (;;) {
    // Any number of fill bytes may stand before a marker.
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (at + 4 > bytes.length) throw badFile('the JPEG image has no frame', { where });
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || marker === SOS || marker === EOI)
      throw badFile('the JPEG image has no frame', { where, found: `byte ${at}` });
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    const length = bigEndian16(bytes, at + 2);
    if (length < 2 || at + 2 + length > bytes.length)
      throw badFile('the JPEG image ends too early', { where });
    if (isFrame(marker)) return frame(bytes, at, marker, length, where);
    at += 2 + length;
  }
}

function frame(bytes: Uint8Array, at: number, marker: number, length: number, where: string) {
  if (length < 8) throw badFile('the JPEG frame is too short', { where });
  const unsupported = (found: string) =>
    new InnateError('unsupported', 'a kind of JPEG that is not read', {
      where,
      expected: '8-bit baseline or progressive, grey or colour',
      found,
    });
  if (marker > 0xc2) throw unsupported(`frame type ${marker - 0xc0}`);
  const precision = bytes[at + 4]!;
  const height = bigEndian16(bytes, at + 5);
  const width = bigEndian16(bytes, at + 7);
  const components = bytes[at + 9]!;
  if (precision !== 8) throw unsupported(`${precision} bits`);
  if (components === 4) throw unsupported('four inks (CMYK)');
  if (components !== 1 && components !== 3) throw unsupported(`${components} components`);
  if (marker === 0xc2) checkScans(bytes, at + 2 + length, width * height, where);
  return { width, height };
}

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
