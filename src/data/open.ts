import { bufferSource, type Source } from '../formats/source';
import { listed } from '../formats/text';
import { openZip } from '../formats/zip';
import { badFile, InnateError } from '../lib/errors';
import type { BaseSet } from './base-set';
import { cifarBatches, cifarMembers, isCifarBatch } from './cifar';
import { idxSet } from './idx';
import { FORMATS_READ } from './image/header';
import { folderSet, type Item, imageSet, sourceItem, zipItem } from './image-set';
import { byName, isImageName, isLitter } from './names';
import { npySet, npzSet } from './npz-set';
import {
  cacheBudget,
  checkOptions,
  checkSignal,
  type DatasetOptions,
  MAX_RESOLUTION,
  pacer,
} from './options';
import { ahead } from './read-ahead';
import { allUnreadable } from './skipped';
import { type DataKind, KINDS_READ, sniffData, unknownData } from './sniff';
import { gunzip, gunzipWhole, TarPicker, tarFiles } from './tar';
import type { Dataset } from './types';

/** What a compressed archive may unpack to, and what of it is kept in memory. */
const MAX_OUTPUT = 4 * 2 ** 30;
const MAX_KEPT = 2 ** 30;

/**
 * A data set from one archive, from loose images, or from the files of a folder, whose names are then their paths. What
 * an archive is, its content says; one that lies alone in a folder is opened. Throws an InnateError where there are no
 * images, where none can be read, and where some have labels and others none.
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
    throw badFile('the data set holds no images', { where: set.name, expected: `${FORMATS_READ} files` });
  const shape = await settleShape(set, options);
  set.configure(shape, cacheBudget(options));
  return set;
}

interface Archive {
  readonly source: Source;
  readonly kind: DataKind;
}

async function openSet(all: readonly Source[], options: DatasetOptions): Promise<BaseSet> {
  if (all.length === 0) throw new InnateError('bad-argument', 'no data set is given');
  const sources = all.filter(({ name }) => !isLitter(name));
  if (sources.some(({ name }) => isCifarBatch(name))) return cifarBatches(sources, options.split ?? 'train');
  const { archives, images, others } = sorted(sources);
  if (images.length > 0) {
    const set = folderSet([...images, ...others], options.decoders);
    if (archives.length > 0)
      set.notes.push(
        `Beside the images, not opened: ${listed(
          archives.map(({ source }) => source.name),
          3,
        )}`,
      );
    return set;
  }
  const [first] = archives;
  if (!first) {
    if (all.length === 1 && sources.length === 1) throw unknownData(sources[0]!);
    const refused = others.find(({ name }) => !/dataset\.json$/.test(name));
    throw badFile('there are no images', {
      where: refused?.name,
      expected: KINDS_READ,
      found: `${all.length} other files`,
    });
  }
  if (archives.every(({ kind }) => kind === 'idx' || kind === 'idx.gz')) return openIdx(archives, options);
  if (archives.length > 1 && archives.every(({ kind }) => kind === 'tar' || kind === 'tar.gz'))
    return openShards(archives, options);
  if (archives.length > 1)
    throw new InnateError('bad-argument', 'more than one archive is given', {
      where: listed(
        archives.map(({ source }) => source.name),
        3,
      ),
      expected: 'one archive, or images',
      found: `${archives.length} archives`,
      hint: 'Name the one you mean',
    });
  return openArchive(first, options);
}

/** Images by name or, where it has no ending that speaks of them, by content; archives by content. */
function sorted(sources: readonly Source[]) {
  const archives: Archive[] = [];
  const images: Source[] = [];
  const others: Source[] = [];
  for (const source of sources) {
    if (sources.length > 1 && isImageName(source.name)) {
      images.push(source);
      continue;
    }
    const kind = /\.(json|cls|txt)$/i.test(source.name) ? null : sniffData(source);
    if (kind === 'image') images.push(isImageName(source.name) ? source : renamed(source));
    else if (kind) archives.push({ source, kind });
    else others.push(source);
  }
  return { archives, images, others };
}

/** An image by content whose name does not say so. */
const renamed = (source: Source): Source => ({
  name: `${source.name}.png`,
  size: source.size,
  read: (offset, length) => source.read(offset, length),
});

async function openArchive({ source, kind }: Archive, options: DatasetOptions): Promise<BaseSet> {
  const { decoders, split = 'train' } = options;
  if (kind === 'npy') return npySet(source);
  if (kind === 'zip') {
    const entries = openZip(ahead(source), { lastOfName: true });
    const isNpz =
      entries.some(({ name }) => name.endsWith('.npy')) && !entries.some((e) => isImageName(e.name));
    if (isNpz) return npzSet(source);
    const files = entries.filter(({ name }) => !name.endsWith('/'));
    return imageSet(source.name, files.map(zipItem), decoders);
  }
  const members = kind === 'tar' ? tarFiles(source) : await unpacked(source, options);
  if (members.some(({ name }) => isCifarBatch(name))) return cifarMembers(source.name, members, split);
  return imageSet(source.name, members.map(sourceItem), decoders);
}

/** What of a tar.gz may belong to a set, in memory. */
async function unpacked(source: Source, options: DatasetOptions, room = MAX_KEPT): Promise<Source[]> {
  const { signal, onProgress } = options;
  const wanted = (name: string) =>
    isImageName(name) || isCifarBatch(name) || (/(\.cls|(^|\/)dataset\.json)$/.test(name) && !isLitter(name));
  const picker = new TarPicker(source.name, wanted, room);
  await gunzip(source, (bytes) => picker.push(bytes), {
    where: source.name,
    maxOutput: MAX_OUTPUT,
    onPiece: pacer(signal, onProgress),
  });
  return picker.end().map(({ name, data }) => bufferSource(data, name));
}

/** The shards of a WebDataset, in the order of their names. What is compressed is kept in memory, up to one bound. */
async function openShards(archives: readonly Archive[], options: DatasetOptions): Promise<BaseSet> {
  const items: Item[] = [];
  let room = MAX_KEPT;
  for (const { source, kind } of [...archives].sort((a, b) => byName(a.source, b.source))) {
    const files = kind === 'tar' ? tarFiles(source) : await unpacked(source, options, room);
    if (kind !== 'tar') room -= files.reduce((sum, { size }) => sum + size, 0);
    // Samples of two shards may have one name: the shard's own comes before it.
    for (const file of files) {
      const item = sourceItem(file);
      items.push({ ...item, name: `${source.name}/${item.name}` });
    }
  }
  return imageSet(`${archives.length} tar archives`, items, options.decoders);
}

async function openIdx(archives: readonly Archive[], options: DatasetOptions): Promise<BaseSet> {
  const { signal, onProgress, split = 'train' } = options;
  const files: Source[] = [];
  for (const { source, kind } of archives) {
    const whole = { where: source.name, maxOutput: MAX_KEPT, onPiece: pacer(signal, onProgress) };
    files.push(kind === 'idx' ? source : bufferSource(await gunzipWhole(source, whole), source.name));
  }
  return idxSet(files, split);
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
