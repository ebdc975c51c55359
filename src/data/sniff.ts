import type { Source } from '../formats/source';
import { endsAsZip } from '../formats/zip';
import { badFile, InnateError } from '../lib/errors';
import { ascii } from './image/bytes';
import { FORMATS_READ, SNIFF_BYTES, sniffImage } from './image/header';
import { isImageName } from './names';
import { peekGzip } from './tar';

/** What a file of a data set is, by its content. */
export type DataKind = 'zip' | 'npy' | 'tar' | 'tar.gz' | 'idx' | 'idx.gz' | 'image';

const TAR_BYTES = 512;

/** Archives and sets of other programs: what to call them, and what to do. */
const OTHERS: readonly (readonly [string, string, string])[] = [
  ['\x28\xb5\x2f\xfd', 'a Zstandard archive', 'Unpack it with zstd and tar, and open the folder'],
  ['\xfd7zXZ\0', 'an xz archive', 'Unpack it, and open the folder'],
  ['BZh', 'a bzip2 archive', 'Unpack it, and open the folder'],
  ['7z\xbc\xaf', 'a 7z archive', 'Unpack it, and open the folder'],
  ['Rar!', 'a RAR archive', 'Unpack it, and open the folder'],
  ['ARROW1', 'an Arrow file', 'Save its images as files'],
  ['PAR1', 'a Parquet file', 'Save its images as files'],
  ['\x89HDF', 'an HDF5 file', 'Save its images with numpy as an .npz'],
  ['MATLAB 5.0 MAT', 'a MATLAB file', 'Save its images with numpy as an .npz'],
  ['\x80', 'a Python pickle', 'Save its images with numpy as an .npz'],
];

/** null for what is none of the kinds. */
export function sniffData(source: Source): DataKind | null {
  if (source.size === 0) return null;
  const head = source.read(0, Math.min(TAR_BYTES, source.size));
  const text = ascii(head, 0, 6);
  if (text.startsWith('PK\x03\x04') || text.startsWith('PK\x05\x06')) return 'zip';
  if (text === '\x93NUMPY') return 'npy';
  if (text.startsWith('\x1f\x8b')) {
    const inside = peekGzip(source);
    return isTar(inside) ? 'tar.gz' : isIdx(inside) ? 'idx.gz' : null;
  }
  if (isTar(head)) return 'tar';
  if (isIdx(head)) return 'idx';
  if (sniffImage(head.subarray(0, SNIFF_BYTES)) || isImageName(source.name)) return 'image';
  // Bytes in front of an archive, a program that unpacks it, do not hide it.
  return endsAsZip(source) ? 'zip' : null;
}

/** The checksum of its first header, which also those tars have that lack the mark. */
function isTar(head: Uint8Array): boolean {
  if (head.length < TAR_BYTES) return false;
  let sum = 8 * 32;
  for (let i = 0; i < TAR_BYTES; i++) if (i < 148 || i >= 156) sum += head[i]!;
  const stated = /^[0-7 ]{1,8}/.exec(ascii(head, 148, 8))?.[0]?.trim();
  return stated !== undefined && stated !== '' && Number.parseInt(stated, 8) === sum && head[0] !== 0;
}

/** MNIST's format: bytes (type 8) of one, three or four dimensions. */
const isIdx = (head: Uint8Array): boolean =>
  head.length >= 8 && head[0] === 0 && head[1] === 0 && head[2] === 8 && [1, 3, 4].includes(head[3]!);

export const KINDS_READ =
  'a zip, tar or tar.gz of images, an npz or npy, MNIST idx, CIFAR-10 or CIFAR-100, or images';

/** The error for a file that `sniffData` does not know. */
export function unknownData(source: Source): InnateError {
  const head = ascii(source.read(0, Math.min(64, source.size)), 0, 64);
  for (const [mark, found, hint] of OTHERS)
    if (head.startsWith(mark))
      return new InnateError('unsupported', 'a data set of a kind that is not read', {
        where: source.name,
        expected: KINDS_READ,
        found,
        hint,
      });
  if (head.startsWith('\x1f\x8b'))
    return badFile('the gzip file is cut off, or holds no data set', {
      where: source.name,
      expected: 'a tar of images, or MNIST’s idx',
    });
  return badFile('not a data set of a known kind', {
    where: source.name,
    expected: `${KINDS_READ} (${FORMATS_READ})`,
    found: source.size === 0 ? 'an empty file' : undefined,
  });
}
