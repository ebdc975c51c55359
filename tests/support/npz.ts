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

/** The arrays of a .npz file as tensors, texts left out: goldens, and what the command line has written. */
export function readNpz(source: Source): Map<string, TensorRef> {
  return new Map(
    [...members(source)].filter(([, data]) => !isText(data)).map(([name, data]) => [name, readNpy(data)]),
  );
}

/** The texts of a .npz file's array of that name: four bytes a character, zeros behind. */
export function readNpzTexts(source: Source, name: string): string[] {
  const data = members(source).get(name)!;
  const { descr, shape, byteOffset } = npyHeader(data);
  const length = Number(descr!.slice(2));
  const codes = new Int32Array(data.read(byteOffset, 4 * length * shape[0]!).slice().buffer);
  return Array.from({ length: shape[0]! }, (_, i) =>
    String.fromCodePoint(...codes.subarray(i * length, (i + 1) * length)).replace(/\0+$/, ''),
  );
}

const isText = (data: Source): boolean => npyHeader(data).descr?.startsWith('<U') ?? false;

function members(source: Source): Map<string, Source> {
  return new Map(
    [...openZip(source)].map((entry) => [
      entry.name.replace(/\.npy$/, ''),
      entry.method === 0
        ? storedSource(entry)
        : bufferSource(readEntry(entry, 1 << 30), `${source.name}, ${entry.name}`),
    ]),
  );
}
