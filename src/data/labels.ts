import { quote } from '../formats/text';
import { badFile, InnateError } from '../lib/errors';
import { whole } from '../lib/words';
import { plainName } from './names';

/** Class of every image of a set. */
export interface Labels {
  readonly labelDim: number;
  readonly classes: readonly string[] | null;
  /** Null for an image without a class. */
  of(i: number): number | null;
}

export const UNLABELLED: Labels = { labelDim: 0, classes: null, of: () => null };

/** More is a damaged file: labels would be one-hot rows of that length. */
const MAX_CLASSES = 100_000;
const NONE = -1;

/**
 * Labels from one class index an image, -1 for none; `atLeast` is how many classes there are at least. Throws an
 * InnateError for other negative indices and absurdly large ones.
 */
export function labelsFrom(
  indices: Int32Array,
  classes: readonly string[] | null,
  where: string,
  atLeast = 0,
): Labels {
  let highest = -1;
  for (let i = 0; i < indices.length; i++) {
    const label = indices[i]!;
    if (label < NONE || label >= MAX_CLASSES)
      throw badFile('a label is not a class index', {
        where,
        expected: `0 to ${MAX_CLASSES - 1}`,
        found: `${label} for image ${i}`,
      });
    if (label > highest) highest = label;
  }
  if (highest < 0) return UNLABELLED;
  const named = classes && classes.length > highest ? classes : null;
  return {
    labelDim: named ? named.length : Math.max(highest + 1, atLeast),
    classes: named,
    of: (i) => (indices[i]! < 0 ? null : indices[i]!),
  };
}

/**
 * EDM's dataset.json: {"labels": [[name, class], ...] | {name: class, ...} | null}, read as EDM does: of two entries of
 * one name the last counts, a class may be text, and every image needs one. Names match whatever their slashes and
 * their form of Unicode. A list "classes" of names is an extension of ours, which EDM's own tools ignore.
 */
export function labelsFromJson(bytes: Uint8Array, names: readonly string[], where: string): Labels {
  const json = parse(jsonText(bytes), where);
  const { labels } = json;
  if (labels === undefined || labels === null) return UNLABELLED;
  if (typeof labels !== 'object')
    throw badFile('the labels are not a list', { where, expected: '[[name, class], ...] or null' });
  const byName = new Map<string, number>();
  let width = 0;
  for (const [i, pair] of (Array.isArray(labels) ? labels : Object.entries(labels)).entries()) {
    const [name, label] = Array.isArray(pair) ? (pair as unknown[]) : [];
    if (Array.isArray(label)) width = Math.max(width, label.length);
    const index = Array.isArray(label) ? oneHot(label, where) : classIndex(label);
    if (typeof name !== 'string' || index === null)
      throw badFile('a label is not a name and a class index', {
        where,
        found: typeof name === 'string' ? `${JSON.stringify(label)} for ${quote(name)}` : `label ${i}`,
      });
    byName.set(plainName(name), Math.min(index, MAX_CLASSES));
  }
  if (byName.size === 0) return UNLABELLED;
  const indices = Int32Array.from(names, (name) => byName.get(plainName(name)) ?? NONE);
  const missing = names.filter((_, i) => indices[i] === NONE);
  if (missing.length === names.length && names.length > 0)
    throw badFile('the labels name none of the images', {
      where,
      found: `${quote(byName.keys().next().value)} where the first image is ${quote(names[0])}`,
    });
  if (missing.length > 0) throw withoutLabel(missing, names.length, where);
  return labelsFrom(indices, classNames(json.classes), where, width);
}

/** The error for images of a labelled set that have no label. */
export function withoutLabel(missing: readonly string[], all: number, where: string): InnateError {
  const others = missing.length - 1;
  return new InnateError('mismatch', 'not every image has a label', {
    where,
    expected: `a label for each of ${whole(all)} images`,
    found: `none for ${quote(missing[0])}${others > 0 ? ` and ${whole(others)} other${others > 1 ? 's' : ''}` : ''}`,
    hint: 'Add the labels, or leave them all out ("labels": null)',
  });
}

/** The class of a vector that is one at it and zero elsewhere. Throws for other vectors: they name no class. */
export function oneHot(vector: ArrayLike<unknown>, where: string): number {
  const values = Array.from(vector);
  const index = values.indexOf(1);
  if (index < 0 || values.some((v, i) => i !== index && v !== 0))
    throw new InnateError('unsupported', 'labels that are vectors', {
      where,
      expected: 'class indices, or vectors of one 1 and zeros',
      found: JSON.stringify(values.slice(0, 8)),
    });
  return index;
}

/**
 * The class index that numpy's int64 makes of a label: a whole number, also as text or with a fraction of zero; else
 * null.
 */
function classIndex(label: unknown): number | null {
  const value = typeof label === 'string' && /^\s*\d{1,9}\s*$/.test(label) ? Number(label) : label;
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** Text as Python's json reads bytes: UTF-8 with or without its mark, or UTF-16. */
function jsonText(bytes: Uint8Array): string {
  const [a, b] = bytes;
  const little = (a === 0xff && b === 0xfe) || (a !== 0 && b === 0);
  const big = (a === 0xfe && b === 0xff) || (a === 0 && b !== 0);
  return new TextDecoder(
    bytes.length < 2 ? 'utf-8' : little ? 'utf-16le' : big ? 'utf-16be' : 'utf-8',
  ).decode(bytes);
}

function parse(text: string, where: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw badFile('not a JSON text', { where }, error);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw badFile('not a description of a data set', { where, expected: '{"labels": ...}' });
  return json as Record<string, unknown>;
}

function classNames(value: unknown): string[] | null {
  if (!Array.isArray(value) || value.length > MAX_CLASSES) return null;
  return value.every((name) => typeof name === 'string') ? value.map((name) => name.slice(0, 200)) : null;
}

/**
 * Folders as classes: when every image lies in a folder of the level below the common one, and there are at
 * least two folders. Classes are in the order of their names, as torchvision's ImageFolder has them. Folders that are
 * numbered with five digits are none: so EDM's and FFHQ's tools split a set into thousands.
 */
export function labelsFromFolders(names: readonly string[]): Labels {
  const common = commonFolder(names);
  const folders = names.map((name) => {
    const rest = name.slice(common.length);
    const end = rest.indexOf('/');
    return end < 0 ? null : rest.slice(0, end);
  });
  if (folders.includes(null)) return UNLABELLED;
  // By code units: the order must not depend on the language of the machine.
  const classes = [...new Set(folders as string[])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  if (classes.length < 2 || classes.length > MAX_CLASSES) return UNLABELLED;
  if (classes.every((name) => /^\d{5}$/.test(name))) return UNLABELLED;
  const index = new Map(classes.map((name, i) => [name, i]));
  return labelsFrom(
    Int32Array.from(folders as string[], (folder) => index.get(folder)!),
    classes,
    'the folders',
  );
}

/** The folder, '' or ending in '/', that holds all of the names. */
export function commonFolder(names: readonly string[]): string {
  let common = names[0]?.slice(0, names[0].lastIndexOf('/') + 1) ?? '';
  for (const name of names)
    while (!name.startsWith(common)) common = common.slice(0, common.lastIndexOf('/', common.length - 2) + 1);
  return common;
}
