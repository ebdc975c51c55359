import { badFile } from '../../lib/errors';
import { bufferSource } from '../source';
import { DTYPE_BYTES, type DType, elementCount, rowMajorStrides, type TensorRef } from '../tensor';
import { latin1Bytes } from '../text';
import {
  type Behaviour,
  ByteRange,
  type CallContext,
  Complex,
  NumpyArray,
  NumpyDtype,
  type Py,
  PyObject,
  Tuple,
} from './values';

/** numpy's array-interface type strings, without byte order. */
const DTYPES: Record<string, DType> = {
  f8: 'f64',
  f4: 'f32',
  f2: 'f16',
  i8: 'i64',
  i4: 'i32',
  i2: 'i16',
  i1: 'i8',
  u1: 'u8',
  b1: 'bool',
};

const dtype = (args: readonly Py[]): Py => {
  const [code] = args;
  const match = typeof code === 'string' ? /^([<>=|]?)([a-zA-Z])(\d{0,4})$/.exec(code) : null;
  // Of a class (ml_dtypes.bfloat16), of records, of dates with a unit: no element of a tensor.
  if (!match) return new PyObject('numpy.dtype', args);
  const result = new NumpyDtype(match[2]!, Number(match[3] || 1));
  if (match[1]) result.byteOrder = match[1];
  return result;
};

/** Floats, complex and whole numbers, booleans and text; dates, records and objects stay placeholders. */
const SCALARS = new Set('fciubU');

/** Bytes as they may come: bytes, Python 2 str, or left in the file. */
function raw(value: Py | undefined): Uint8Array | ByteRange | null {
  if (value instanceof Uint8Array || value instanceof ByteRange) return value;
  return typeof value === 'string' ? latin1Bytes(value) : null;
}

/** numpy.core.multiarray.scalar(dtype, bytes): a plain number or boolean. */
function scalar(args: readonly Py[], context: CallContext): Py {
  const [type, value] = args;
  if (!(type instanceof NumpyDtype)) return new PyObject('numpy.scalar', args);
  const bytes = raw(value);
  const { kind, size } = type;
  // U counts UTF-32 characters, everything else bytes.
  if (!SCALARS.has(kind)) return new PyObject('numpy.scalar', args);
  const wanted = kind === 'U' ? 4 * size : size;
  if (!(bytes instanceof Uint8Array) || bytes.length !== wanted)
    throw badFile('the data of a numpy scalar do not match its dtype', {
      where: context.where,
      found: `${kind}${size}`,
    });
  const d = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const le = type.byteOrder !== '>';
  switch (`${kind}${size}`) {
    case 'f8':
      return d.getFloat64(0, le);
    case 'f4':
      return d.getFloat32(0, le);
    case 'f2': {
      const h = d.getUint16(0, le);
      const sign = h & 0x8000 ? -1 : 1;
      const e = (h >> 10) & 31;
      const m = h & 1023;
      if (e === 31) return m ? Number.NaN : sign * Number.POSITIVE_INFINITY;
      return sign * (e === 0 ? m * 2 ** -24 : (1 + m / 1024) * 2 ** (e - 15));
    }
    case 'c16':
      return new Complex(d.getFloat64(0, le), d.getFloat64(8, le));
    case 'i8':
      return narrow(d.getBigInt64(0, le));
    case 'u8':
      return narrow(d.getBigUint64(0, le));
    case 'i4':
      return d.getInt32(0, le);
    case 'u4':
      return d.getUint32(0, le);
    case 'i2':
      return d.getInt16(0, le);
    case 'u2':
      return d.getUint16(0, le);
    case 'i1':
      return d.getInt8(0);
    case 'u1':
      return d.getUint8(0);
    case 'b1':
      return d.getUint8(0) !== 0;
  }
  if (kind === 'U') {
    let text = '';
    for (let i = 0; i < size; i++) {
      const code = d.getUint32(4 * i, le);
      if (code > 0 && code <= 0x10ffff) text += String.fromCodePoint(code);
    }
    return text;
  }
  return new PyObject('numpy.scalar', args);
}

const narrow = (value: bigint): number | bigint => {
  const n = Number(value);
  return Number.isSafeInteger(n) ? n : value;
};

/** The state of numpy.ndarray.__reduce__: (version, shape, dtype, is Fortran order, raw data). */
export function setArrayState(target: NumpyArray, state: Py, context: CallContext): void {
  const items = state instanceof Tuple ? state.items : [];
  // Masked and other subclasses keep a state of their own.
  if (items.length !== 5 || !(items[1] instanceof Tuple)) return;
  target.tensor = arrayRef(items[1]!, items[2]!, items[3] === true, items[4]!, context);
}

function arrayRef(shape: Py, type: Py, fortran: boolean, data: Py, context: CallContext): TensorRef | null {
  const { where } = context;
  if (!(shape instanceof Tuple)) throw badFile('a numpy array has no shape', { where });
  if (!(type instanceof NumpyDtype)) return null;
  const dims = shape.items as number[];
  const count = elementCount(dims, where);
  const code = DTYPES[`${type.kind}${type.size}`];
  const bytes = raw(data);
  // Objects and text: never weights, so they may stand elsewhere in the file unread.
  if (!code || !bytes) return null;
  if (bytes.length !== count * DTYPE_BYTES[code])
    throw badFile('the data of a numpy array do not match its shape', {
      where,
      expected: `${count * DTYPE_BYTES[code]} bytes`,
      found: String(bytes.length),
    });
  const strides = fortran ? rowMajorStrides([...dims].reverse()).reverse() : undefined;
  const layout = { dtype: code, shape: [...dims], strides, bigEndian: type.byteOrder === '>' };
  if (bytes instanceof ByteRange) return { ...layout, source: bytes.source, byteOffset: bytes.offset };
  return { ...layout, source: bufferSource(bytes, where), byteOffset: 0 };
}

/** numpy._core.numeric._frombuffer(data, dtype, shape, order), protocol 5. */
function fromBuffer(args: readonly Py[], context: CallContext): Py {
  const array = new NumpyArray();
  array.tensor = arrayRef(args[2] ?? null, args[1] ?? null, args[3] === 'F', args[0] ?? null, context);
  return array;
}

/** numpy.core.multiarray._reconstruct(class, (0,), b'b'): of ndarray or a subclass such as memmap. */
const reconstruct = (): Py => new NumpyArray();

/** Names under numpy.core (numpy 1) and numpy._core (numpy 2). */
export const NUMPY_MULTIARRAY: Record<string, Behaviour> = {
  scalar: { call: scalar },
  _reconstruct: { call: reconstruct },
};

export const NUMPY_NUMERIC: Record<string, Behaviour> = {
  _frombuffer: { call: fromBuffer },
};

export const NUMPY: Record<string, Behaviour> = {
  dtype: { call: dtype },
  ndarray: {},
};
