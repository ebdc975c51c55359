import { badFile, InnateError } from '../lib/errors';
import { halfToFloat } from '../lib/half';
import type { Source } from './source';

export type DType = 'f64' | 'f32' | 'f16' | 'bf16' | 'i64' | 'i32' | 'i16' | 'i8' | 'u8' | 'bool';

export const DTYPE_BYTES: Record<DType, number> = {
  f64: 8,
  f32: 4,
  f16: 2,
  bf16: 2,
  i64: 8,
  i32: 4,
  i16: 2,
  i8: 1,
  u8: 1,
  bool: 1,
};

/** Where a tensor's elements lie in a file. Nothing is read until `readFloat32` or `readInt32` is called. */
export interface TensorRef {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly source: Source;
  /** Where element [0, 0, ...] lies, in bytes from the start of `source`. */
  readonly byteOffset: number;
  /** Elements from one index to the next along each dimension; absent when row-major. */
  readonly strides?: readonly number[];
  /** The most significant byte of an element comes first; little-endian when absent. */
  readonly bigEndian?: boolean;
  /** The values are those of the file with their signs changed (PyTorch's negative bit). */
  readonly negative?: boolean;
}

/** No tensor of the family has more; a larger claim is a damaged or hostile file. */
export const MAX_ELEMENTS = 2 ** 28;
export const MAX_RANK = 8;

/** Elements read and converted at a time, so that a large tensor costs its result plus a little. */
const CHUNK = 1 << 20;

/** Whether no network of this family has a tensor of this shape: too many dimensions or elements. */
export const beyondNetworks = (shape: readonly number[]): boolean =>
  shape.length > MAX_RANK || shape.reduce((count, d) => count * d, 1) > MAX_ELEMENTS;

/** Number of elements; throws on negative, fractional or absurd dimensions. */
export function elementCount(shape: readonly number[], where: string): number {
  let count = 1;
  for (const d of shape) {
    if (!Number.isSafeInteger(d) || d < 0)
      throw badFile('a tensor dimension is not a non-negative integer', { where, found: String(d) });
    count *= d;
  }
  if (beyondNetworks(shape))
    throw new InnateError('refused', 'a tensor is larger than any network of this family has', {
      where,
      expected: `at most ${MAX_RANK} dimensions and ${MAX_ELEMENTS} elements`,
      found: `[${shape.slice(0, MAX_RANK + 1).join(', ')}]`,
    });
  return count;
}

/** Strides, in elements, of a row-major tensor. */
export function rowMajorStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= Math.max(1, shape[i]!);
  }
  return strides;
}

/** Whether `strides` walk the elements in row-major order; dimensions of size 1 may claim any stride. */
export function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  const expected = rowMajorStrides(shape);
  return shape.every((d, i) => d === 1 || strides[i] === expected[i]);
}

/** Elements from the first to the last that the strides reach, both included. */
export function strideSpan(shape: readonly number[], strides: readonly number[], where: string): number {
  if (strides.length !== shape.length)
    throw badFile('a tensor does not have one stride per dimension', {
      where,
      expected: `${shape.length} strides`,
      found: String(strides.length),
    });
  let last = 0;
  for (let i = 0; i < shape.length; i++) {
    const stride = strides[i]!;
    if (!Number.isSafeInteger(stride) || stride < 0)
      throw badFile('a tensor stride is not a non-negative integer', { where, found: String(stride) });
    last += Math.max(0, shape[i]! - 1) * stride;
  }
  if (shape.includes(0)) return 0;
  if (last >= MAX_ELEMENTS)
    throw new InnateError('refused', 'a tensor is spread over more of the file than any network needs', {
      where,
    });
  return last + 1;
}

/**
 * The elements as float32, row-major whatever the file's order (channels_last weights are gathered).
 * float64 and 64-bit integers are rounded; booleans become 0 and 1. Throws an InnateError when the tensor
 * leaves its source.
 */
export function readFloat32(ref: TensorRef): Float32Array {
  return readElements(ref, (n) => new Float32Array(n), toFloat32);
}

/**
 * What `readFloat32` gives, a piece at a time, so that a large tensor costs no more than a piece. A tensor whose elements
 * the file has in another order comes whole.
 */
export function* float32Pieces(ref: TensorRef): Generator<Float32Array, void, undefined> {
  const { count, strides } = extent(ref);
  if (strides) return yield readFloat32(ref);
  for (let start = 0; start < count; start += CHUNK) {
    const piece = new Float32Array(Math.min(CHUNK, count - start));
    readSpan(ref, start, piece, toFloat32);
    yield piece;
  }
}

/**
 * The elements as int32, row-major: labels and indices. Throws an InnateError on floats and on values that int32
 * cannot hold.
 */
export function readInt32(ref: TensorRef): Int32Array {
  return readElements(ref, (n) => new Int32Array(n), toInt32);
}

/** Adding is far cheaper than testing each, and the sum of so few float32 values is finite where they are. */
export function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return Number.isFinite(sum);
}

/** Throws, naming the tensor, how many and where the first is, when a value is NaN or infinite. */
export function checkFinite(values: Float32Array, where: string): void {
  if (allFinite(values)) return;
  let count = 0;
  let first = -1;
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]!)) {
      if (first < 0) first = i;
      count++;
    }
  if (count > 0)
    throw badFile('values are not finite', {
      where,
      found: `${count} of ${values.length} NaN or infinite, the first at flat index ${first}`,
    });
}

type Convert<T> = (bytes: Uint8Array, dtype: DType, out: T) => void;

function readElements<T extends Float32Array | Int32Array>(
  ref: TensorRef,
  make: (n: number) => T,
  convert: Convert<T>,
): T {
  const { count, span, strides } = extent(ref);
  const flat = make(span);
  for (let start = 0; start < span; start += CHUNK)
    readSpan(ref, start, flat.subarray(start, start + CHUNK) as T, convert);
  return strides ? gather(flat, ref.shape, strides, make(count)) : flat;
}

/**
 * How many elements there are, and over how many of the file they are spread; `strides` is null where they lie one after
 * the other. Throws where they leave their source.
 */
function extent(ref: TensorRef): { count: number; span: number; strides: readonly number[] | null } {
  const where = ref.source.name;
  const count = elementCount(ref.shape, where);
  const strides = ref.strides && !isRowMajor(ref.shape, ref.strides) ? ref.strides : null;
  const span = strides ? strideSpan(ref.shape, strides, where) : count;
  const size = DTYPE_BYTES[ref.dtype];
  // Before allocating: a claim of a gigabyte in a file of a kilobyte must cost nothing.
  if (
    count > 0 &&
    (!Number.isSafeInteger(ref.byteOffset) ||
      ref.byteOffset < 0 ||
      ref.byteOffset + span * size > ref.source.size)
  )
    throw badFile('a tensor lies outside of its file', {
      where,
      expected: `${span * size} bytes at byte ${ref.byteOffset}`,
      found: `${ref.source.size} bytes in all`,
    });
  return { count, span, strides };
}

/** Fills `out` with the elements that lie in the file from the `start`-th on. */
function readSpan<T extends Float32Array | Int32Array>(
  ref: TensorRef,
  start: number,
  out: T,
  convert: Convert<T>,
): void {
  const size = DTYPE_BYTES[ref.dtype];
  const bytes = ref.source.read(ref.byteOffset + start * size, out.length * size);
  convert(ref.bigEndian ? swapped(bytes, size) : bytes, ref.dtype, out);
  if (ref.negative) for (let i = 0; i < out.length; i++) out[i] = -out[i]!;
}

/** A copy with the bytes of every element in reverse order. */
function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i += size)
    for (let b = 0; b < size; b++) out[i + b] = bytes[i + size - 1 - b]!;
  return out;
}

function gather<T extends Float32Array | Int32Array>(
  flat: T,
  shape: readonly number[],
  strides: readonly number[],
  out: T,
): T {
  const index = new Array<number>(shape.length).fill(0);
  const innerSize = shape.at(-1)!;
  const innerStride = strides.at(-1)!;
  let base = 0;
  for (let o = 0; o < out.length; o += innerSize) {
    for (let i = 0; i < innerSize; i++) out[o + i] = flat[base + i * innerStride]!;
    for (let d = shape.length - 2; d >= 0; d--) {
      base += strides[d]!;
      if (++index[d]! < shape[d]!) break;
      base -= index[d]! * strides[d]!;
      index[d] = 0;
    }
  }
  return out;
}

/** Offsets in files are arbitrary; typed array views need aligned ones. Little-endian hosts only, as all are. */
function aligned(bytes: Uint8Array, size: number): { buffer: ArrayBufferLike; byteOffset: number } {
  return bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
}

function view(bytes: Uint8Array, dtype: DType) {
  const size = DTYPE_BYTES[dtype];
  const { buffer, byteOffset } = aligned(bytes, Math.min(size, 8));
  const n = bytes.byteLength / size;
  switch (dtype) {
    case 'f64':
      return new Float64Array(buffer, byteOffset, n);
    case 'f32':
      return new Float32Array(buffer, byteOffset, n);
    case 'f16':
    case 'bf16':
      return new Uint16Array(buffer, byteOffset, n);
    case 'i64':
      return new Int32Array(buffer, byteOffset, 2 * n);
    case 'i32':
      return new Int32Array(buffer, byteOffset, n);
    case 'i16':
      return new Int16Array(buffer, byteOffset, n);
    case 'i8':
      return new Int8Array(buffer, byteOffset, n);
    default:
      return new Uint8Array(buffer, byteOffset, n);
  }
}

function toFloat32(bytes: Uint8Array, dtype: DType, out: Float32Array): void {
  const v = view(bytes, dtype);
  if (dtype === 'f16') halfToFloat(v as Uint16Array, out as Float32Array<ArrayBuffer>);
  else if (dtype === 'bf16') {
    // bfloat16 is the upper half of a float32.
    const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
    for (let i = 0; i < bits.length; i++) bits[i] = v[i]! << 16;
  } else if (dtype === 'i64')
    for (let i = 0; i < out.length; i++) out[i] = (v[2 * i]! >>> 0) + v[2 * i + 1]! * 2 ** 32;
  else if (dtype === 'bool') for (let i = 0; i < out.length; i++) out[i] = v[i] ? 1 : 0;
  else out.set(v);
}

function toInt32(bytes: Uint8Array, dtype: DType, out: Int32Array): void {
  const v = view(bytes, dtype);
  if (dtype === 'i64') {
    for (let i = 0; i < out.length; i++) {
      const low = v[2 * i]!;
      if (v[2 * i + 1] !== low >> 31) throw notInt32((low >>> 0) + v[2 * i + 1]! * 2 ** 32);
      out[i] = low;
    }
  } else if (dtype === 'f16' || dtype === 'bf16' || dtype === 'f32' || dtype === 'f64') {
    const floats = dtype === 'f64' ? (v as Float64Array) : new Float32Array(out.length);
    if (dtype !== 'f64') toFloat32(bytes, dtype, floats as Float32Array);
    for (let i = 0; i < out.length; i++) {
      const x = floats[i]!;
      if (x !== (x | 0)) throw notInt32(x);
      out[i] = x;
    }
  } else if (dtype === 'bool') for (let i = 0; i < out.length; i++) out[i] = v[i] ? 1 : 0;
  else out.set(v);
}

const notInt32 = (value: number) =>
  badFile('a value is not a 32-bit integer', { expected: 'whole numbers', found: String(value) });
