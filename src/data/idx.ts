import type { Source } from '../formats/source';
import { badFile, InnateError } from '../lib/errors';
import { ArraySet } from './array-set';
import type { BaseSet } from './base-set';
import { bigEndian32 } from './image/bytes';
import { labelsFrom, UNLABELLED } from './labels';
import { MAX_RESOLUTION } from './options';

/** A file of MNIST's format: bytes under some dimensions. */
interface Idx {
  readonly where: string;
  readonly shape: readonly number[];
  /** Bytes before the values. */
  readonly header: number;
  readonly source: Source;
}

function readIdx(source: Source): Idx {
  const where = source.name;
  const rank = source.read(3, 1)[0]!;
  const header = 4 + 4 * rank;
  if (header > source.size) throw badFile('the idx file is cut off', { where });
  const bytes = source.read(0, header);
  const shape = Array.from({ length: rank }, (_, i) => bigEndian32(bytes, 4 + 4 * i));
  const size = shape.reduce((product, n) => product * n, 1);
  if (header + size > source.size)
    throw badFile('the idx file is shorter than its header says', {
      where,
      expected: `${size} bytes`,
      found: String(source.size - header),
      hint: 'Download or copy it again',
    });
  return { where, shape, header, source };
}

/**
 * Images of MNIST's format, [N, H, W] or [N, H, W, 3] bytes, with the labels file that belongs to them where it is
 * among the files. Of a training and a test part the one of `split` is taken.
 */
export function idxSet(sources: readonly Source[], split: 'train' | 'test'): BaseSet {
  const all = sources.map(readIdx);
  const pictures = all.filter(({ shape }) => shape.length > 1);
  const ofSplit = pictures.filter(({ where }) => (split === 'test') === /t10k|test/i.test(where));
  const images = pictures.length === 1 ? pictures[0]! : ofSplit[0];
  if (!images || (pictures.length > 1 && ofSplit.length !== 1))
    throw badFile(pictures.length === 0 ? 'labels without their images' : 'more than one set of images', {
      where: (pictures[0] ?? all[0])?.where ?? '',
      expected: 'one file of images, and its labels',
      found: all.map(({ where }) => where).join(', '),
    });
  const [count = 0, height = 0, width = 0, channels = 1] = images.shape;
  const max = 4 * MAX_RESOLUTION;
  if (!(width >= 1 && height >= 1 && width <= max && height <= max) || (channels !== 1 && channels !== 3))
    throw badFile('an idx file does not hold images', {
      where: images.where,
      expected: '[N, H, W]',
      found: `[${images.shape.join(', ')}]`,
    });
  const bytes = width * height * channels;
  const { source, header } = images;
  const block = { count, pixels: (i: number) => source.read(header + i * bytes, bytes) };
  const stem = stemOf(images.where);
  const labels = all.find(({ shape, where }) => shape.length === 1 && stemOf(where) === stem);
  return new ArraySet(
    images.where,
    [block],
    { width, height, channels, planar: false },
    labels ? idxLabels(labels, count) : UNLABELLED,
  );
}

function idxLabels({ source, header, shape, where }: Idx, count: number) {
  if (shape[0] !== count)
    throw new InnateError('mismatch', 'the labels and the images differ in number', {
      where,
      expected: String(count),
      found: String(shape[0]),
    });
  return labelsFrom(Int32Array.from(source.read(header, count)), null, where);
}

/** What a file of images and its labels have in common: train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz. */
const stemOf = (name: string): string =>
  name
    .replace(/\.gz$/i, '')
    .replace(/images?|labels?/i, '*')
    .replace(/idx\d/i, 'idx');

/** Name of the labels file beside a file of images; null where the name does not say that it holds images. */
export function labelsBeside(name: string): string | null {
  const beside = name.replace(/images/i, 'labels').replace(/idx[34]/i, 'idx1');
  return beside === name ? null : beside;
}
