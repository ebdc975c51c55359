import { npyHeader } from '../formats/npy';
import type { Source } from '../formats/source';
import { quote } from '../formats/text';
import { badFile, InnateError } from '../lib/errors';
import { halfToFloat } from '../lib/half';

type Kind = 'unsigned' | 'signed' | 'bool' | 'float' | 'other';

/**
 * A numpy array of a data set, read row by row: no bound but the file's own size, and any array may be looked at
 * without being readable.
 */
export interface NpyArray {
  readonly where: string;
  readonly shape: readonly number[];
  readonly kind: Kind;
  readonly descr: string;
  /** Values of one row. */
  readonly rowLength: number;
  /** Values of row i, in C order. */
  row(i: number): Float64Array | Uint8Array;
  /** All values, of an array of one value a row. */
  column(): Float64Array | Uint8Array;
}

const KINDS: Record<string, Kind> = { u: 'unsigned', i: 'signed', b: 'bool', f: 'float' };

/** An array whose rows lie across the whole file is read into memory, up to this size. */
const MAX_FORTRAN = 1 << 30;

/** A numpy file whose rows are read as they are asked for. Throws `bad-file`, or `unsupported` for elements that are no plain numbers. */
export function openNpy(source: Source): NpyArray {
  const where = source.name;
  const { descr, shape, fortran, byteOffset } = npyHeader(source);
  const [, order = '|', letter = '', digits = '0'] = /^([<>=|])([a-zA-Z])(\d*)$/.exec(descr ?? '') ?? [];
  const bytes = Number(digits);
  const readable =
    letter === 'f' ? [2, 4, 8].includes(bytes) : letter === 'b' ? bytes === 1 : [1, 2, 4, 8].includes(bytes);
  const kind = readable ? (KINDS[letter] ?? 'other') : 'other';
  const big = order === '>';
  const rows = shape[0] ?? 1;
  const rowLength = shape.slice(1).reduce((product, n) => product * n, 1);
  const total = rows * rowLength * bytes;
  const check = () => {
    if (kind === 'other')
      throw new InnateError('unsupported', 'a numpy array of an element type that is not read', {
        where,
        expected: 'whole numbers, booleans or floating point',
        found: descr === null ? 'a structured type' : quote(descr),
      });
    if (!Number.isSafeInteger(total) || byteOffset + total > source.size)
      throw badFile('the array is shorter than its shape', {
        where,
        expected: `${total} bytes`,
        found: String(source.size - byteOffset),
      });
  };
  let whole: Uint8Array | null = null;
  const gathered = (i: number): Uint8Array => {
    if (total > MAX_FORTRAN)
      throw new InnateError('refused', 'an array in Fortran order is too large to be put in order', {
        where,
        expected: `at most ${MAX_FORTRAN} bytes`,
        found: String(total),
        hint: 'Save it with numpy.ascontiguousarray',
      });
    whole ??= source.read(byteOffset, total);
    const out = new Uint8Array(rowLength * bytes);
    const dims = shape.slice(1);
    const index = new Array<number>(dims.length).fill(0);
    for (let o = 0; o < rowLength; o++) {
      let at = 0;
      for (let d = dims.length - 1; d >= 0; d--) at = at * dims[d]! + index[d]!;
      at = (i + rows * at) * bytes;
      for (let b = 0; b < bytes; b++) out[o * bytes + b] = whole[at + b]!;
      for (let d = dims.length - 1; d >= 0 && ++index[d]! === dims[d]; d--) index[d] = 0;
    }
    return out;
  };
  return {
    where,
    shape,
    kind,
    descr: descr ?? 'structured',
    rowLength,
    column() {
      check();
      return values(source.read(byteOffset, total), kind, bytes, big);
    },
    row(i) {
      check();
      const size = rowLength * bytes;
      const raw = fortran && shape.length > 1 ? gathered(i) : source.read(byteOffset + i * size, size);
      return values(raw, kind, bytes, big);
    },
  };
}

/** 64-bit integers are rounded to float64, which is exact for anything that a data set counts. */
function values(raw: Uint8Array, kind: Kind, bytes: number, big: boolean): Float64Array | Uint8Array {
  if (bytes === 1 && kind !== 'signed') return raw;
  const d = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const out = new Float64Array(raw.byteLength / bytes);
  const little = !big;
  if (kind === 'float' && bytes === 2) {
    const bits = Uint16Array.from(out, (_, i) => d.getUint16(2 * i, little));
    out.set(halfToFloat(bits, new Float32Array(bits.length)));
    return out;
  }
  const read: (at: number) => number =
    kind === 'float'
      ? bytes === 4
        ? (at) => d.getFloat32(at, little)
        : (at) => d.getFloat64(at, little)
      : kind === 'signed'
        ? {
            1: (at: number) => d.getInt8(at),
            2: (at: number) => d.getInt16(at, little),
            4: (at: number) => d.getInt32(at, little),
            8: (at: number) => Number(d.getBigInt64(at, little)),
          }[bytes]!
        : {
            2: (at: number) => d.getUint16(at, little),
            4: (at: number) => d.getUint32(at, little),
            8: (at: number) => Number(d.getBigUint64(at, little)),
          }[bytes]!;
  for (let i = 0; i < out.length; i++) out[i] = read(i * bytes);
  return out;
}
