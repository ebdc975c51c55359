import type { Source } from '../formats/source';
import { utf8 } from '../formats/text';
import { readEntry, type ZipEntry } from '../formats/zip';
import { badFile, InnateError } from '../lib/errors';
import { BaseSet } from './base-set';
import type { Decoders } from './image/decoders';
import {
  commonFolder,
  type Labels,
  labelsFrom,
  labelsFromFolders,
  labelsFromJson,
  withoutLabel,
} from './labels';
import { byName, isImageName, isLitter, plainName } from './names';
import type { Picture } from './types';

/** A file that is read whole, when it is needed. Its name is plain: see `plainName`. */
export interface Item {
  readonly name: string;
  /** Throws an InnateError beyond `maxBytes`. */
  read(maxBytes: number): Uint8Array;
}

const MAX_IMAGE_BYTES = 64 * 2 ** 20;
const MAX_JSON_BYTES = 128 * 2 ** 20;

/** Encoded images, one file each. */
class ImageSet extends BaseSet {
  constructor(
    name: string,
    private readonly items: readonly Item[],
    labels: Labels,
    private readonly decoders: Decoders | undefined,
  ) {
    super(name, labels);
  }

  get size(): number {
    return this.items.length;
  }

  protected nameOf(i: number): string {
    return this.items[i]!.name;
  }

  protected async picture(i: number): Promise<Picture> {
    const item = this.items[i]!;
    if (!this.decoders)
      throw new InnateError('backend', 'a data set of image files is opened without decoders');
    return this.decoders.decode(item.read(MAX_IMAGE_BYTES), item.name);
  }
}

export const zipItem = (entry: ZipEntry): Item => ({
  name: plainName(entry.name),
  read: (maxBytes) => readEntry(entry, maxBytes),
});

export const sourceItem = (source: Source): Item => ({
  name: plainName(source.name),
  read(maxBytes) {
    if (source.size > maxBytes)
      throw new InnateError('refused', 'an image file is larger than it may be', {
        where: source.name,
        expected: `at most ${maxBytes} bytes`,
        found: String(source.size),
      });
    return source.read(0, source.size);
  },
});

/**
 * The images among the files of an archive or a folder, in the order given. Labels come from a dataset.json as EDM
 * writes it, else from the .cls files of a WebDataset, else from folders.
 */
export function imageSet(name: string, items: readonly Item[], decoders: Decoders | undefined): BaseSet {
  const images = items.filter((item) => isImageName(item.name));
  const description = findDescription(items);
  const labels = description
    ? describedLabels(description, images, name)
    : (webLabels(items, images, name) ?? labelsFromFolders(images.map((item) => item.name)));
  return new ImageSet(name, images, labels, decoders);
}

/** Loose images, or a folder's; `name` of a source is its path. Sorted by path, as no file system has an order. */
export function folderSet(sources: readonly Source[], decoders: Decoders | undefined): BaseSet {
  const items = sources.map(sourceItem).sort(byName);
  return imageSet(folderName(items), items, decoders);
}

export function folderName(items: readonly { readonly name: string }[]): string {
  const names = items.filter(({ name }) => isImageName(name)).map(({ name }) => name);
  if (names.length === 1) return names[0]!;
  const top = names[0]?.split('/') ?? [];
  return top.length > 1 && names.every((name) => name.startsWith(`${top[0]}/`)) && top[0] !== ''
    ? top[0]!
    : `${names.length} images`;
}

/** dataset.json at the top of all, or the only one. */
function findDescription(items: readonly Item[]): Item | undefined {
  const found = items.filter(({ name }) => /(^|\/)dataset\.json$/.test(name) && !isLitter(name));
  const top = commonFolder(items.filter(({ name }) => !isLitter(name)).map(({ name }) => name));
  return (
    found.find(({ name }) => name === `${top}dataset.json`) ?? (found.length === 1 ? found[0] : undefined)
  );
}

function describedLabels(description: Item, items: readonly Item[], set: string): Labels {
  const folder = description.name.slice(0, -'dataset.json'.length);
  const names = items.map(({ name }) => (name.startsWith(folder) ? name.slice(folder.length) : name));
  return labelsFromJson(description.read(MAX_JSON_BYTES), names, `${set}, dataset.json`);
}

/** Labels of a WebDataset, where 000000.jpg has its class as text in 000000.cls; null where no image has one. */
function webLabels(items: readonly Item[], images: readonly Item[], set: string): Labels | null {
  const classes = new Map(
    items.filter(({ name }) => name.endsWith('.cls')).map((item) => [item.name.slice(0, -4), item]),
  );
  if (classes.size === 0) return null;
  // A sample's name ends at the first dot of its file's name.
  const of = (name: string) => classes.get(name.replace(/\.[^/]*$/, ''));
  const missing = images.filter(({ name }) => !of(name)).map(({ name }) => name);
  if (missing.length > 0) throw withoutLabel(missing, images.length, set);
  const indices = Int32Array.from(images, ({ name }) => {
    const item = of(name)!;
    const text = utf8(item.read(64)).trim();
    if (!/^\d{1,9}$/.test(text))
      throw badFile('a label is not a class index', { where: item.name, found: `'${text.slice(0, 40)}'` });
    return Number(text);
  });
  return labelsFrom(indices, null, set);
}
