import type { Source } from '../formats/source';
import type { ZipEntry } from '../formats/zip';
import { badFile, InnateError } from '../lib/errors';
import { npzSet } from './array-set';
import type { BaseSet } from './base-set';
import { cifarArchive, cifarBatches, isCifarBatch } from './cifar';
import { ascii } from './image/bytes';
import { sniffImage } from './image/header';
import { folderSet, isImageName, openImageZip, zipSet } from './image-set';
import { cacheBudget, checkOptions, checkSignal, type DatasetOptions, MAX_RESOLUTION } from './options';
import { allUnreadable } from './skipped';
import type { Dataset } from './types';

/**
 * A data set from one archive (an EDM zip or any zip of images, CIFAR-10's own, an npz), from loose images, or
 * from the files of a folder, whose names are then their paths. What an archive is, its content says.
 */
export async function openDataset(
  sources: Source | readonly Source[],
  options: DatasetOptions = {},
): Promise<Dataset> {
  checkOptions(options);
  checkSignal(options.signal);
  const list = Array.isArray(sources) ? (sources as readonly Source[]) : [sources as Source];
  const set = await openSet(list, options);
  if (set.size === 0)
    throw badFile('the data set holds no images', { where: set.name, expected: 'PNG, JPEG or WebP files' });
  const shape = await settleShape(set, options);
  set.configure(shape, cacheBudget(options));
  return set;
}

async function openSet(sources: readonly Source[], options: DatasetOptions): Promise<BaseSet> {
  const [first] = sources;
  if (!first) throw new InnateError('bad-argument', 'no data set is given');
  const { decoders } = options;
  if (sources.length === 1) {
    const kind = sniffArchive(first);
    if (kind === 'zip') {
      const entries = openImageZip(first);
      return isNpz(entries) ? npzSet(first) : zipSet(first.name, entries, decoders);
    }
    if (kind === 'gzip' || kind === 'tar') return cifarArchive(first, kind === 'gzip', options);
    if (isCifarBatch(first.name)) return cifarBatches(sources, options);
    if (kind !== 'image') throw unknown(first);
    return folderSet([isImageName(first.name) ? first : renamed(first)], decoders);
  }
  const batches = sources.filter(({ name }) => isCifarBatch(name));
  if (batches.length > 0) return cifarBatches(batches, options);
  if (!sources.some(({ name }) => isImageName(name)) && sniffArchive(first) !== null && sources.length > 1)
    throw new InnateError('bad-argument', 'more than one archive is given', {
      expected: 'one archive, or images',
      found: `${sources.length} files`,
    });
  return folderSet(sources, decoders);
}

/** An image by content whose name does not say so. */
const renamed = (source: Source): Source => ({
  name: `${source.name}.png`,
  size: source.size,
  read: (offset, length) => source.read(offset, length),
});

function sniffArchive(source: Source): 'zip' | 'gzip' | 'tar' | 'image' | null {
  const head = source.read(0, Math.min(512, source.size));
  const text = ascii(head, 0, 4);
  if (text === 'PK\x03\x04' || text === 'PK\x05\x06') return 'zip';
  if (text.startsWith('\x1f\x8b')) return 'gzip';
  if (ascii(head, 257, 5) === 'ustar') return 'tar';
  return sniffImage(head) || isImageName(source.name) ? 'image' : null;
}

const isNpz = (entries: readonly ZipEntry[]): boolean =>
  entries.some(({ name }) => name.endsWith('.npy')) && !entries.some(({ name }) => isImageName(name));

function unknown(source: Source): InnateError {
  return badFile('not a data set of a known kind', {
    where: source.name,
    expected: 'a zip of images, an npz, cifar-10-python.tar.gz, or images',
    found: source.size === 0 ? 'an empty file' : undefined,
  });
}

async function settleShape(set: BaseSet, options: DatasetOptions) {
  const { filter = 'lanczos', signal } = options;
  // Whatever was asked for: a set of which nothing can be read is found out now.
  const picture = await set.probe();
  checkSignal(signal);
  if (!picture) throw allUnreadable(set);
  const { resolution = Math.min(picture.width, picture.height, MAX_RESOLUTION) } = options;
  const { channels = picture.channels === 1 ? 1 : 3 } = options;
  return { resolution, channels, filter };
}
