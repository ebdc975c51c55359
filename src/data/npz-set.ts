import { bufferSource, type Source } from '../formats/source';
import { listed, quote } from '../formats/text';
import { openZip, readEntry, storedSource } from '../formats/zip';
import { badFile, InnateError } from '../lib/errors';
import { ArraySet, type PixelLayout } from './array-set';
import type { BaseSet } from './base-set';
import { DRAW_SEED } from './draw';
import { type Labels, labelsFrom, oneHot, UNLABELLED, withoutLabel } from './labels';
import { type NpyArray, openNpy } from './npy-array';
import { MAX_RESOLUTION } from './options';
import { shuffled } from './shuffle';

/** Names of images and, in the same place, of their labels, as programs of the field write them. */
const NAMES: readonly (readonly [string, readonly string[]])[] = [
  ['images', ['labels', 'label', 'y', 'classes', 'targets', 'target']],
  ['image', ['label', 'labels']],
  ['x', ['y', 'labels']],
  ['x_train', ['y_train']],
  ['X_train', ['y_train', 'Y_train']],
  ['train_images', ['train_labels']],
  ['samples', ['labels', 'classes']],
  ['data', ['labels', 'label', 'targets', 'target', 'y']],
  ['arr_0', ['arr_1']],
];

/** Bytes of a compressed array, which is unpacked into memory. */
const MAX_UNPACKED = 2 ** 30;

/**
 * Images and labels from numpy arrays: `images`, or another of the names above, or the only array that has the shape
 * of images. Only these two are opened; whatever else the archive holds is left alone.
 */
export function npzSet(source: Source): BaseSet {
  const where = source.name;
  const entries = new Map(
    openZip(source)
      .filter(({ name }) => name.endsWith('.npy'))
      .map((entry) => [entry.name.slice(0, -'.npy'.length), entry]),
  );
  const open = (name: string): NpyArray => {
    const entry = entries.get(name)!;
    return openNpy(
      entry.method === 0
        ? storedSource(entry)
        : bufferSource(readEntry(entry, MAX_UNPACKED), `${where}, ${quote(`${name}.npy`)}`),
    );
  };
  const named = NAMES.find(([name]) => entries.has(name));
  const name = named?.[0] ?? onlyImages([...entries.keys()], open, where);
  const images = open(name);
  const labelNames = named?.[1] ?? [name.replace(/images?|imgs?|x$/i, 'labels'), 'labels', 'y'];
  const label = labelNames.find((other) => other !== name && entries.has(other));
  return arraySet(where, images, label === undefined ? null : open(label));
}

/** A .npy file of images, without labels. */
export const npySet = (source: Source): BaseSet => arraySet(source.name, openNpy(source), null);

function onlyImages(names: readonly string[], open: (name: string) => NpyArray, where: string): string {
  const found = names.filter((name) => {
    const { kind, shape } = open(name);
    return kind !== 'other' && layoutOf(shape) !== null && shape[0]! > 0;
  });
  if (found.length === 1) return found[0]!;
  throw badFile(
    found.length === 0 ? 'the archive has no array of images' : 'the archive has several arrays of images',
    {
      where,
      expected: `an array named ${NAMES.slice(0, 3)
        .map(([name]) => name)
        .join(', ')}`,
      found: listed(found.length === 0 ? names : found),
    },
  );
}

function layoutOf(shape: readonly number[]): PixelLayout | null {
  const [, a = 0, b = 0, c = 0] = shape;
  const isChannels = (n: number): n is 1 | 3 | 4 => n === 1 || n === 3 || n === 4;
  let layout: PixelLayout | null = null;
  // [H, W, 3] is one image, not H images of three columns.
  const isOne = a > 4 && (b === 3 || b === 4);
  if (shape.length === 3 && !isOne) layout = { height: a, width: b, channels: 1, planar: false };
  else if (shape.length === 4 && isChannels(c)) layout = { height: a, width: b, channels: c, planar: false };
  else if (shape.length === 4 && isChannels(a)) layout = { height: b, width: c, channels: a, planar: true };
  const fits = (n: number) => n >= 1 && n <= 4 * MAX_RESOLUTION;
  return layout && fits(layout.width) && fits(layout.height) ? layout : null;
}

function arraySet(where: string, images: NpyArray, labels: NpyArray | null): BaseSet {
  const layout = layoutOf(images.shape);
  if (!layout)
    throw badFile('an array does not hold images', {
      where: images.where,
      expected: '[N, H, W, C], [N, C, H, W] or [N, H, W]',
      found: `[${images.shape.join(', ')}]`,
    });
  const count = images.shape[0]!;
  const { toBytes, note } = conversion(images, count);
  const block = { count, pixels: (i: number) => toBytes(images.row(i)) };
  const set = new ArraySet(where, [block], layout, labels ? npyLabels(labels, count) : UNLABELLED);
  if (note) set.notes.push(note);
  return set;
}

/** Rows that the range of floating-point values is learnt from. */
const RANGE_ROWS = 64;

/**
 * Whole numbers are 0 to 255, booleans black and white. Floating-point values are -1 to 1 where some of those looked
 * at (of images drawn at random) are negative, 0 to 1 where none is above 1, else 0 to 255; which, is said.
 */
function conversion(images: NpyArray, count: number) {
  const outside = (v: number) =>
    badFile('a value is not a pixel value', {
      where: images.where,
      expected: images.kind === 'float' ? '-1 to 1, 0 to 1 or 0 to 255' : '0 to 255',
      found: String(v),
    });
  if (images.kind === 'bool')
    return { toBytes: (row: ArrayLike<number>) => Uint8Array.from(row, (v) => (v ? 255 : 0)), note: null };
  if (images.kind !== 'float')
    return {
      note: null,
      toBytes(row: Float64Array | Uint8Array) {
        if (row instanceof Uint8Array) return row;
        const wrong = row.find((v) => !(v >= 0 && v <= 255));
        if (wrong !== undefined) throw outside(wrong);
        return Uint8Array.from(row);
      },
    };
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let k = 0; k < Math.min(RANGE_ROWS, count); k++)
    for (const v of images.row(shuffled(k, count, DRAW_SEED, 0))) {
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
  const [from, to] = low < 0 ? [-1, 1] : high <= 1 ? [0, 1] : [0, 255];
  // A network's images may go a little beyond.
  const slack = 0.25 * (to - from);
  if (!(low >= from - slack && high <= to + slack)) throw outside(low < from - slack ? low : high);
  const toBytes = (row: ArrayLike<number>) =>
    Uint8Array.from(row, (v) => {
      if (!Number.isFinite(v)) throw outside(v);
      return Math.round(Math.min(255, Math.max(0, ((v - from) / (to - from)) * 255)));
    });
  return { toBytes, note: `Floating-point images: ${from} was taken as black and ${to} as white` };
}

/** One class index an image, or one one-hot row an image. */
function npyLabels(labels: NpyArray, count: number): Labels {
  const { shape, where, rowLength } = labels;
  if (shape[0] !== count || (shape.length > 2 && rowLength !== 1))
    throw new InnateError('mismatch', 'the labels and the images differ in number', {
      where,
      expected: `[${count}]`,
      found: `[${shape.join(', ')}]`,
    });
  if (rowLength !== 1)
    return labelsFrom(
      Int32Array.from({ length: count }, (_, i) => oneHot(labels.row(i), where)),
      null,
      where,
      rowLength,
    );
  const values = labels.column();
  const wrong = values.findIndex((value) => value !== (value | 0));
  if (wrong >= 0)
    throw badFile('a label is not a class index', {
      where,
      expected: 'whole numbers',
      found: `${values[wrong]} for image ${wrong}`,
    });
  const indices = Int32Array.from(values);
  // Minus one is none, for all images or for no image.
  const missing = Array.from(indices.keys()).filter((i) => indices[i] === -1);
  if (missing.length > 0 && missing.length < count)
    throw withoutLabel(
      missing.map((i) => `image ${i}`),
      count,
      where,
    );
  return labelsFrom(indices, null, where);
}
