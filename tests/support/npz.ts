import { npyHeader } from '../../src/formats/npy';
import { bufferSource, type Source } from '../../src/formats/source';
import {
  DTYPE_BYTES,
  type DType,
  elementCount,
  rowMajorStrides,
  type TensorRef,
} from '../../src/formats/tensor';
import { openZip, readEntry, storedSource } from '../../src/formats/zip';
import { badFile, InnateError } from '../../src/lib/errors';

const BY_DESCR: Readonly<Record<string, DType>> = {
  '<f8': 'f64',
  '<f4': 'f32',
  '<f2': 'f16',
  '<i8': 'i64',
  '<i4': 'i32',
  '<i2': 'i16',
  '|i1': 'i8',
  '|u1': 'u8',
  '|b1': 'bool',
};

/** Where a .npy file keeps its elements: little-endian, C or Fortran order. */
function readNpy(source: Source): TensorRef {
  const where = source.name;
  const { descr, shape, fortran, byteOffset } = npyHeader(source);
  const dtype = BY_DESCR[descr ?? ''];
  if (!dtype) throw new InnateError('unsupported', 'an element type that is not read', { where });
  if (byteOffset + elementCount(shape, where) * DTYPE_BYTES[dtype] > source.size)
    throw badFile('the array is shorter than its shape', { where });
  if (!fortran || shape.length < 2) return { dtype, shape, source, byteOffset };
  return { dtype, shape, source, byteOffset, strides: rowMajorStrides([...shape].reverse()).reverse() };
}

/** The arrays of a .npz file as tensors: goldens, and what the command line has written. */
export function readNpz(source: Source): Map<string, TensorRef> {
  const arrays = new Map<string, TensorRef>();
  for (const entry of openZip(source)) {
    const data =
      entry.method === 0
        ? storedSource(entry)
        : bufferSource(readEntry(entry, 1 << 30), `${source.name}, ${entry.name}`);
    arrays.set(entry.name.replace(/\.npy$/, ''), readNpy(data));
  }
  return arrays;
}
