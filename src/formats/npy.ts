import { badFile, InnateError } from '../lib/errors';
import type { Source } from './source';
import { elementCount } from './tensor';
import { latin1, quote } from './text';

/** A row-major array to be written. */
export type ArrayData = { readonly shape: readonly number[] } & (
  | { readonly dtype: 'f32'; readonly data: Float32Array }
  | { readonly dtype: 'f64'; readonly data: Float64Array }
  | { readonly dtype: 'u8'; readonly data: Uint8Array | Uint8ClampedArray }
  | { readonly dtype: 'i32'; readonly data: Int32Array }
  | { readonly dtype: 'i64'; readonly data: BigInt64Array }
  | { readonly dtype: 'text'; readonly data: readonly string[] }
);

/** numpy's names of these types. */
export const DESCR: Record<Exclude<ArrayData['dtype'], 'text'>, string> = {
  f32: '<f4',
  f64: '<f8',
  i64: '<i8',
  i32: '<i4',
  u8: '|u1',
};

const MAGIC = '\x93NUMPY';
const MAX_HEADER = 1 << 16;

/** What stands before the values of a .npy file (version 1.0, C order), padded so that numpy can map them. */
export function npyHead(descr: string, shape: readonly number[]): Uint8Array {
  // A tuple of one needs its comma.
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Data start at a multiple of 64.
  const total = Math.ceil((10 + dict.length + 1) / 64) * 64;
  const out = new Uint8Array(total).fill(0x20);
  for (let i = 0; i < MAGIC.length; i++) out[i] = MAGIC.charCodeAt(i);
  out.set([1, 0, (total - 10) & 255, (total - 10) >> 8], 6);
  for (let i = 0; i < dict.length; i++) out[10 + i] = dict.charCodeAt(i);
  out[total - 1] = 10;
  return out;
}

/** An array as a .npy file. Throws when data and shape differ. */
export function writeNpy(array: ArrayData): Uint8Array {
  const { shape } = array;
  const { descr, data } =
    array.dtype === 'text' ? textElements(array.data) : { descr: DESCR[array.dtype], data: array.data };
  const count = elementCount(shape, 'the array');
  if (array.data.length !== count)
    throw new InnateError('bad-argument', 'the data of an array do not match its shape', {
      expected: `${count} elements`,
      found: String(array.data.length),
    });
  const head = npyHead(descr, shape);
  const out = new Uint8Array(head.length + data.byteLength);
  out.set(head);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), head.length);
  return out;
}

/** Texts as numpy stores them: all as long as the longest, four bytes a character, zeros behind. */
function textElements(texts: readonly string[]): { descr: string; data: Int32Array } {
  const characters = texts.map((text) => Array.from(text, (c) => c.codePointAt(0)!));
  const length = Math.max(1, ...characters.map((c) => c.length));
  const data = new Int32Array(texts.length * length);
  for (const [i, codes] of characters.entries()) data.set(codes, i * length);
  return { descr: `<U${length}`, data };
}

/** What a .npy file says of itself. */
export interface NpyHeader {
  /** numpy's name of the element type, such as '<f4' or '|u1'; null for structured types. */
  readonly descr: string | null;
  readonly shape: readonly number[];
  /** The first index runs fastest. */
  readonly fortran: boolean;
  /** Where the elements begin, in bytes. */
  readonly byteOffset: number;
}

/** The header of a .npy file, versions 1 to 3; nothing is said of whether its elements are there or can be read. */
export function npyHeader(source: Source): NpyHeader {
  const where = source.name;
  const start = source.read(0, Math.min(12, source.size));
  if (start.length < 12 || latin1(start.subarray(0, 6)) !== MAGIC)
    throw badFile('not a numpy array', { where, found: `${source.size} bytes without the magic \\x93NUMPY` });
  const version = start[6]!;
  if (version < 1 || version > 3)
    throw new InnateError('unsupported', 'an unknown version of the .npy format', {
      where,
      found: String(version),
    });
  const d = new DataView(start.buffer, start.byteOffset, 12);
  const headerStart = version === 1 ? 10 : 12;
  const length = version === 1 ? d.getUint16(8, true) : d.getUint32(8, true);
  if (length > MAX_HEADER)
    throw badFile('the .npy header is absurdly long', { where, found: `${length} bytes` });
  const header = latin1(source.read(headerStart, length));
  const descr = /'descr'\s*:\s*'([^']{1,16})'/.exec(header)?.[1] ?? null;
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const dims = /'shape'\s*:\s*\(([\d,\sL]{0,256})\)/.exec(header)?.[1];
  if (!order || dims === undefined)
    throw badFile('the .npy header is damaged', { where, found: quote(header.trim()) });
  const shape = dims
    .split(',')
    .map((s) => s.trim().replace(/L$/, ''))
    .filter((s) => s !== '')
    .map(Number);
  return { descr, shape, fortran: order === 'True', byteOffset: headerStart + length };
}
