import { badFile } from '../../lib/errors';
import { interleaved, type Picture } from '../types';
import { ascii, bigEndian16, bigEndian32 } from './bytes';
import { checkSize, type Size } from './limits';
import { type Orientation, upright } from './orientation';
import type { WasmCodec } from './wasm-codec';

/** A box of ISOBMFF: its type and what it holds, in bytes of the file. */
interface Box {
  readonly type: string;
  readonly from: number;
  readonly to: number;
}

/** An AVIF picture, or the first of a sequence, turned as its `irot` and `imir` say (its EXIF does not count). */
export async function decodeAvif(
  bytes: Uint8Array,
  where: string,
  codec: WasmCodec,
  maxPixels: number,
): Promise<Picture> {
  const { size, orientation } = avifHeader(bytes, where);
  checkSize(size, where, maxPixels);
  const picture = await codec.decode(bytes, where, size.width * size.height);
  checkSize(picture, where, maxPixels);
  return upright(interleaved(picture.width, picture.height, 4, picture.data), orientation);
}

/** The largest size that any of the picture's items states: a grid has its tiles' sizes and its own. */
function avifHeader(bytes: Uint8Array, where: string): { size: Size; orientation: Orientation } {
  const damaged = () => badFile('the AVIF image is damaged or cut off', { where });
  const meta = boxes(bytes, 0, bytes.length).find(({ type }) => type === 'meta');
  if (!meta) throw damaged();
  const inMeta = boxes(bytes, meta.from + 4, meta.to);
  const iprp = inMeta.find(({ type }) => type === 'iprp');
  if (!iprp) throw damaged();
  const inIprp = boxes(bytes, iprp.from, iprp.to);
  const ipco = inIprp.find(({ type }) => type === 'ipco');
  if (!ipco) throw damaged();
  const properties = boxes(bytes, ipco.from, ipco.to);
  const size = { width: 0, height: 0 };
  for (const { type, from } of properties)
    if (type === 'ispe') {
      size.width = Math.max(size.width, bigEndian32(bytes, from + 4));
      size.height = Math.max(size.height, bigEndian32(bytes, from + 8));
    }
  const pitm = inMeta.find(({ type }) => type === 'pitm');
  const ipma = inIprp.find(({ type }) => type === 'ipma');
  const own = pitm && ipma ? associated(bytes, ipma, primary(bytes, pitm)) : [];
  let turns = 0;
  let mirror: number | null = null;
  for (const index of own) {
    const property = properties[index - 1];
    if (property?.type === 'irot') turns = bytes[property.from]! & 3;
    else if (property?.type === 'imir') mirror = bytes[property.from]! & 1;
  }
  return { size, orientation: ORIENTATIONS[mirror === null ? 2 : mirror]![turns]! };
}

/**
 * Exif orientations by mirroring (0 top to bottom, 1 left to right, 2 none), then by the quarter turns against the
 * clock that come before it.
 */
const ORIENTATIONS: readonly (readonly Orientation[])[] = [
  [4, 5, 2, 7],
  [2, 7, 4, 5],
  [1, 8, 3, 6],
];

function boxes(bytes: Uint8Array, start: number, end: number): Box[] {
  const found: Box[] = [];
  for (let at = start; at + 8 <= end; ) {
    const short = bigEndian32(bytes, at);
    const long = short === 1;
    // Zero: to the end of the file.
    const size = long
      ? bigEndian32(bytes, at + 8) * 2 ** 32 + bigEndian32(bytes, at + 12)
      : short || end - at;
    const header = long ? 16 : 8;
    if (size < header || at + size > end) break;
    found.push({ type: ascii(bytes, at + 4, 4), from: at + header, to: at + size });
    at += size;
  }
  return found;
}

const primary = (bytes: Uint8Array, { from }: Box): number =>
  bytes[from] === 0 ? bigEndian16(bytes, from + 4) : bigEndian32(bytes, from + 4);

/** Numbers, from 1, of the properties of an item. */
function associated(bytes: Uint8Array, { from, to }: Box, item: number): number[] {
  const version = bytes[from]!;
  const wide = (bytes[from + 3]! & 1) === 1;
  const count = bigEndian32(bytes, from + 4);
  for (let i = 0, at = from + 8; i < count && at < to; i++) {
    const id = version === 0 ? bigEndian16(bytes, at) : bigEndian32(bytes, at);
    at += version === 0 ? 2 : 4;
    const entries = bytes[at++]!;
    if (id === item)
      return Array.from({ length: entries }, (_, k) =>
        wide ? bigEndian16(bytes, at + 2 * k) & 0x7fff : bytes[at + k]! & 0x7f,
      );
    at += entries * (wide ? 2 : 1);
  }
  return [];
}
