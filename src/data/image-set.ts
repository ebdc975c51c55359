import type { Source } from '../formats/source';
import { utf8 } from '../formats/text';
import { openZip, readEntry, type ZipEntry } from '../formats/zip';
import { InnateError } from '../lib/errors';
import { BaseSet } from './base-set';
import type { Decoders } from './image/decoders';
import { type Labels, labelsFromFolders, labelsFromJson, UNLABELLED } from './labels';
import type { Picture } from './types';

interface Named {
  readonly name: string;
}

/** A file that is read whole, when it is needed. */
interface Item extends Named {
  /** Throws an InnateError beyond `maxBytes`. */
  read(maxBytes: number): Uint8Array;
}

const MAX_IMAGE_BYTES = 64 * 2 ** 20;
const MAX_JSON_BYTES = 128 * 2 ** 20;

/** Formats that are not read are listed too: a set of GIFs must not look like an empty one. */
const IMAGE = /\.(png|jpe?g|jfif|webp|gif|bmp|tiff?|avif|hei[cf]|jxl|jp2|ppm|pgm)$/i;
/** Files that systems leave in folders and archives; macOS's begin with '._' and bear the image's own name. */
const LITTER = /(^|\/)(\.|__MACOSX\/)/;

export const isImageName = (name: string): boolean => IMAGE.test(name) && !LITTER.test(name);

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

/** The entries of a zip that is going to be read as a data set. */
export const openImageZip = (source: Source): ZipEntry[] => openZip(ahead(source));

/** A zip archive of images: EDM's when it has a dataset.json, unlabelled otherwise. Order as in the archive. */
export function zipSet(name: string, entries: readonly ZipEntry[], decoders: Decoders | undefined): BaseSet {
  const images = entries.filter((entry) => isImageName(entry.name));
  const description = findDescription(entries);
  const labels = description ? describedLabels(zipItem(description), images, name) : UNLABELLED;
  return new ImageSet(name, images.map(zipItem), labels, decoders);
}

const zipItem = (entry: ZipEntry): Item => ({
  name: entry.name,
  read: (maxBytes) => readEntry(entry, maxBytes),
});

/**
 * Loose images, or a folder's; `name` of a source is its path. Sorted by path, as no file system has an order.
 * Labels come from a dataset.json, else from folders.
 */
export function folderSet(sources: readonly Source[], decoders: Decoders | undefined): BaseSet {
  const all = sources.map(sourceItem).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const images = all.filter(({ name }) => isImageName(name));
  const description = findDescription(all);
  const name = folderName(images.map((item) => item.name));
  const labels = description
    ? describedLabels(description, images, name)
    : labelsFromFolders(images.map((item) => item.name));
  return new ImageSet(name, images, labels, decoders);
}

const sourceItem = (source: Source): Item => ({
  name: source.name.replaceAll('\\', '/'),
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

function folderName(names: readonly string[]): string {
  if (names.length === 1) return names[0]!;
  const top = names[0]?.split('/') ?? [];
  return top.length > 1 && names.every((name) => name.startsWith(`${top[0]}/`)) && top[0] !== ''
    ? top[0]!
    : `${names.length} images`;
}

/** dataset.json at the top, or in the one folder that was packed or opened. */
function findDescription<T extends Named>(items: readonly T[]): T | undefined {
  const found = items.filter(({ name }) => /(^|\/)dataset\.json$/.test(name) && !LITTER.test(name));
  return found.find(({ name }) => name === 'dataset.json') ?? (found.length === 1 ? found[0] : undefined);
}

function describedLabels(description: Item, items: readonly Named[], set: string): Labels {
  const folder = description.name.slice(0, -'dataset.json'.length);
  const names = items.map(({ name }) => (name.startsWith(folder) ? name.slice(folder.length) : name));
  return labelsFromJson(utf8(description.read(MAX_JSON_BYTES)), names, `${set}, dataset.json`);
}

const BLOCK = 16 * 1024;

/**
 * Reads a little ahead: a zip entry's header is 30 bytes, its image follows, and in a browser each read costs the
 * same whatever its length.
 */
function ahead(source: Source): Source {
  let start = 0;
  let block: Uint8Array = new Uint8Array(0);
  return {
    name: source.name,
    size: source.size,
    read(offset, length) {
      if (length > BLOCK / 2) return source.read(offset, length);
      if (offset < start || offset + length > start + block.length) {
        const size = Math.min(BLOCK, source.size - offset);
        if (!(size >= length)) return source.read(offset, length);
        block = source.read(offset, size);
        start = offset;
      }
      return block.subarray(offset - start, offset - start + length);
    },
  };
}
