import * as v from 'valibot';
import { InnateError } from '../lib/errors';
import { type ModelSampling, START_SIGMA } from '../lib/sampling';
import { CATALOGUE, type ENTRY } from './catalogue-schema';

type Known<T> = { [K in keyof T as string extends K ? never : K]: T[K] };

/** public/models/index.json: the models that come with the project, and those a person may add. */
export interface Catalogue {
  version: 1;
  models: CatalogueModel[];
}

/** An entry; what a later version adds stays in it unseen. */
export type CatalogueModel = Known<v.InferOutput<typeof ENTRY>>;
export type CatalogueFile = CatalogueModel['files'][number];
export type Quality = CatalogueModel['quality'][number];

/** Throws a `bad-file` error that names the entry and the field when `json` is not a catalogue. */
export function parseCatalogue(json: string, where = 'index.json'): Catalogue {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw damaged(`${where}, byte 0`, 'JSON', json.slice(0, 20));
  }
  const result = v.safeParse(CATALOGUE, value, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    const missing = issue.received === 'undefined';
    throw damaged(
      `${where}, ${placeOf(issue.path ?? [])}`,
      missing && issue.type === 'loose_object' ? 'this field' : issue.message,
      missing ? 'nothing' : JSON.stringify(issue.input),
    );
  }
  const catalogue = result.output as Catalogue;
  checkEntries(catalogue.models, where);
  return catalogue;
}

/** What a schema of single fields cannot say: how fields of an entry, and entries, depend on each other. */
function checkEntries(models: readonly CatalogueModel[], where: string): void {
  const ids = new Set(models.map((m) => m.id));
  const seen = new Set<string>();
  for (const [i, m] of models.entries()) {
    const fail = (field: string, expected: string, found: unknown) =>
      damaged(`${where}, models[${i}]${field} (${m.id})`, expected, JSON.stringify(found) ?? 'nothing');
    if (seen.has(m.id)) throw fail('.id', 'a unique id', m.id);
    seen.add(m.id);
    if (typeof m.classes === 'string' && !m.label_dim)
      throw fail('.label_dim', 'the number of names in the file of classes', m.label_dim);
    if (Array.isArray(m.classes) && m.label_dim !== undefined && m.label_dim !== m.classes.length)
      throw fail('.label_dim', `${m.classes.length}, as many as it names`, m.label_dim);
    for (const [j, f] of m.files.entries())
      if (m.kind === 'shipped' ? f.path === undefined : f.url === undefined)
        throw fail(`.files[${j}]`, m.kind === 'shipped' ? 'a path' : 'a url', f);
    if (m.sigma_mid !== undefined && m.nfe !== 2)
      throw fail('.nfe', '2, as of every model with a sigma_mid', m.nfe);
    if (m.sigma_mid !== undefined && m.sigma_mid >= samplingOf(m).sigma)
      throw fail('.sigma_mid', `a noise level below ${samplingOf(m).sigma}, where it starts`, m.sigma_mid);
    for (const field of ['method', 'nfe'] as const)
      if (m.kind !== 'shipped' && m[field] === undefined)
        throw fail(`.${field}`, 'this field, as in every model of other hosts', m[field]);
    for (const ref of [m.teacher, ...m.files.map((f) => f.deltaOf)])
      if (ref !== undefined && !ids.has(ref)) throw fail('', 'the id of another entry', ref);
  }
}

const damaged = (where: string, expected: string, found: string) =>
  new InnateError('bad-file', 'the model catalogue is damaged', {
    where,
    expected,
    found: found.slice(0, 60),
  });

/** "models[3].files[0].bytes (sida-ffhq)". */
function placeOf(path: readonly { key: unknown; value: unknown }[]): string {
  const place = path.map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  const id = (path[1]?.value as { id?: unknown } | null | undefined)?.id;
  return `${place.replace(/^\./, '')}${typeof id === 'string' ? ` (${id})` : ''}` || 'the whole of it';
}

/** How an entry says that its model makes images; `sigmaMid` of a two-step student alone. */
export const samplingOf = ({
  sigma,
  sigma_mid,
}: Pick<CatalogueModel, 'sigma' | 'sigma_mid'>): ModelSampling => ({
  sigma: sigma ?? START_SIGMA,
  sigmaMid: sigma_mid ?? null,
});

/** The part of it that the entry states: the rest is for the file to say. */
export const statedSampling = ({ sigma, sigma_mid: sigmaMid }: CatalogueModel): StatedSampling => ({
  ...(sigma !== undefined && { sigma }),
  ...(sigmaMid !== undefined && { sigmaMid }),
});
export interface StatedSampling {
  sigma?: number;
  sigmaMid?: number;
}

/** Names that the entry itself lists; null where there are none, or a file beside the catalogue has them. */
export const listedClasses = ({ classes }: CatalogueModel): string[] | null =>
  Array.isArray(classes) ? classes : null;

/** Classes of a model; 0 where it has none. */
export const labelCount = (model: CatalogueModel): number =>
  listedClasses(model)?.length ?? model.label_dim ?? 0;

/**
 * An entry whose classes, in a file beside the catalogue, a network of as many at that resolution is taken to have:
 * nothing but ImageNet has a thousand of 64 x 64. Null where there is none.
 */
export const entryOfLikeClasses = (
  { models }: Catalogue,
  labels: number,
  resolution: number,
): CatalogueModel | null =>
  models.find(
    (m) => typeof m.classes === 'string' && m.label_dim === labels && m.resolution === resolution,
  ) ?? null;

/** A class by its names: the one that is shown, then synonyms. */
const NAMES = v.array(v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.minLength(1)));

/** A file of class names, in the order of the classes. Throws a `bad-file` error where it is not one of `count`. */
export function parseClassNames(json: string, count: number, where: string): string[][] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // Said below, as of anything else that is no list.
  }
  const list = v.safeParse(NAMES, value);
  if (list.success && list.output.length === count) return list.output;
  throw new InnateError('bad-file', 'the list of class names is damaged', {
    where,
    expected: `a list of ${count} classes, each with its names`,
    found: list.success ? `${list.output.length} classes` : json.slice(0, 20),
  });
}

/**
 * Size of a file in bytes; where nobody states it, an estimate from the network's parameters, which are nearly all of
 * a checkpoint. Null where the parameters are not known either.
 */
export function fileSize(model: CatalogueModel): { bytes: number; estimated: boolean } | null {
  const [file] = model.files;
  if (!file) return null;
  if (file.bytes !== null) return { bytes: file.bytes, estimated: false };
  if (!model.parameters) return null;
  return { bytes: model.parameters * (file.dtype === 'f32' ? 4 : 2), estimated: true };
}

/** Host of a model that is elsewhere; null for a shipped one. */
export function hostOf({ files }: CatalogueModel): string | null {
  const url = files[0]?.url;
  return url === undefined ? null : new URL(url).host;
}

/** Address of a model's paper; null where none is named. */
export const paperUrl = ({ paper }: CatalogueModel): string | null =>
  paper === undefined || paper.startsWith('https:') ? (paper ?? null) : `https://arxiv.org/abs/${paper}`;

/** The entry of that id; a `not-found` error lists what there is. */
export function findModel(catalogue: Catalogue, id: string): CatalogueModel {
  const found = catalogue.models.find((m) => m.id === id);
  if (found) return found;
  throw new InnateError('not-found', 'neither a file nor a model of the catalogue', {
    where: id,
    expected: catalogue.models.map((m) => m.id).join(', ') || 'a file (the catalogue is empty)',
    hint: 'See innate models list',
  });
}
