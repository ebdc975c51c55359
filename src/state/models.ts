import { createStore, type StoreApi } from 'zustand/vanilla';
import { type ClassNames, classesNamed, withoutSynonyms } from '../lib/class-names';
import type { ModelInfo, ModelRef, SigmaSource } from '../protocol/models';
import {
  type Catalogue,
  type CatalogueModel,
  entryOfLikeClasses,
  labelCount,
  listedClasses,
  samplingOf,
} from '../storage/catalogue';
import type { RowStates } from './models/rows';

/** What the page knows of a model, from the catalogue before it is loaded or from its file afterwards. */
export interface ModelFacts {
  key: string;
  ref: ModelRef;
  name: string;
  role: ModelInfo['role'];
  resolution: number;
  channels: number;
  /** 0 = unconditional. */
  labelDim: number;
  /** Names of its classes; null where there are none, nobody lists them, or their file has not been read yet. */
  classes: readonly string[] | null;
  /** All names of each class, the shown one first; null where `classes` are all there are. */
  synonyms?: readonly (readonly string[])[] | null;
  /** The file beside the catalogue that has the names, until it has been read; null where none is wanted. */
  classFile?: string | null;
  parameters: number;
  /** Noise level at which it starts. */
  sigma: number;
  sigmaFrom: SigmaSource;
  /** Noise level of a two-step student's second evaluation; null = it has one. */
  sigmaMid: number | null;
  /** What has to be read to use it, its base included; null where unknown. */
  bytes: number | null;
  licence: string | null;
  /** Id of the data set it was trained on; null where unknown. */
  dataset: string | null;
  preview: Preview | null;
}

/** A sheet of images made beforehand: seeds 0, 1, ... row by row, the class of each seed. */
export interface Preview {
  path: string;
  columns: number;
  rows: number;
}

/** Files of class names that have been read, by their path beside the catalogue. */
export type ClassFiles = Readonly<Record<string, ClassNames>>;

export type CatalogueStore = StoreApi<{ catalogue: Catalogue | null; classFiles: ClassFiles }>;
export const createCatalogueStore = (): CatalogueStore =>
  createStore(() => ({ catalogue: null, classFiles: {} }));

export const DEFAULT_MODEL = 'afhq-cat-64x64-gdd-i';

export const shipped = (catalogue: Catalogue | null): CatalogueModel[] =>
  catalogue?.models.filter((m) => m.kind === 'shipped') ?? [];

const previewOf = ({ preview }: CatalogueModel): Preview | null =>
  preview ? { path: preview, columns: 6, rows: 4 } : null;

export function catalogueFacts(
  catalogue: Catalogue,
  model: CatalogueModel,
  classFiles: ClassFiles = {},
): ModelFacts {
  return {
    key: model.id,
    ref: { kind: 'catalogue', id: model.id },
    name: model.name,
    role: model.role,
    resolution: model.resolution,
    channels: model.channels,
    labelDim: labelCount(model),
    ...namesOf(listedClasses(model), typeof model.classes === 'string' ? model.classes : null, classFiles),
    parameters: model.parameters,
    ...samplingOf(model),
    sigmaFrom: 'file',
    bytes: bytesOf(catalogue, model),
    licence: model.licence,
    dataset: model.dataset,
    preview: previewOf(model),
  };
}

export function openedFacts(
  info: ModelInfo,
  catalogue: Catalogue | null = null,
  classFiles: ClassFiles = {},
): ModelFacts {
  // A student that was made here has no file, and so no size.
  return {
    ...info,
    ...namesOf(info.classes, info.classes === null ? likelyClassFile(info, catalogue) : null, classFiles),
    bytes: info.bytes || null,
    ref: { kind: 'opened', key: info.key },
    dataset: null,
    preview: null,
  };
}

function namesOf(
  listed: readonly string[] | null,
  file: string | null,
  classFiles: ClassFiles,
): Pick<ModelFacts, 'classes' | 'synonyms' | 'classFile'> {
  const read = file === null ? undefined : classFiles[file];
  if (read) return { classes: read.names, synonyms: read.synonyms, classFile: null };
  return { classes: listed, synonyms: null, classFile: file };
}

/** A checkpoint does not name its classes: those of ImageNet are known by their number. */
function likelyClassFile({ labelDim, resolution }: ModelInfo, catalogue: Catalogue | null): string | null {
  const classes = catalogue && entryOfLikeClasses(catalogue, labelDim, resolution)?.classes;
  return typeof classes === 'string' ? classes : null;
}

function bytesOf(catalogue: Catalogue, model: CatalogueModel): number | null {
  let total = 0;
  for (const file of model.files) {
    if (file.bytes === null) return null;
    total += file.bytes;
    const base = file.deltaOf && catalogue.models.find((m) => m.id === file.deltaOf);
    if (base) total += bytesOf(catalogue, base) ?? 0;
  }
  return total;
}

/** Every model that Generate can use: shipped ones, public ones that were downloaded, then opened ones. */
export function usableModels(
  catalogue: Catalogue | null,
  opened: readonly ModelInfo[],
  rows: RowStates,
  classFiles: ClassFiles = {},
): ModelFacts[] {
  return [
    ...(catalogue ? shipped(catalogue).map((m) => catalogueFacts(catalogue, m, classFiles)) : []),
    ...(catalogue ? downloaded(catalogue, rows, classFiles) : []),
    ...opened.map((info) => openedFacts(info, catalogue, classFiles)),
  ];
}

function* downloaded(catalogue: Catalogue, rows: RowStates, classFiles: ClassFiles): Generator<ModelFacts> {
  for (const model of catalogue.models) {
    const row = rows[model.id];
    if (row?.kind === 'here' && model.kind !== 'shipped')
      yield { ...catalogueFacts(catalogue, model, classFiles), bytes: row.bytes };
  }
}

/** The model of that key; the default one when there is none (an old link, a file opened last week). */
export function chooseModel(models: readonly ModelFacts[], key: string | null): ModelFacts | null {
  return (
    models.find((m) => m.key === key) ?? models.find((m) => m.key === DEFAULT_MODEL) ?? models[0] ?? null
  );
}

export function className(classes: readonly string[] | null, index: number): string {
  return classes?.[index] ?? String(index);
}

/** Names of a model's classes, to be searched; null where it has none. */
export const classNamesOf = ({
  classes,
  synonyms,
}: Pick<ModelFacts, 'classes' | 'synonyms'>): ClassNames | null =>
  classes && (synonyms ? { names: classes, synonyms } : withoutSynonyms(classes));

/** The class that a typed word names; null for a random one, undefined where the word is no class. */
export function typedClass(
  text: string,
  model: Pick<ModelFacts, 'classes' | 'synonyms'>,
): number | null | undefined {
  const word = text.trim().toLowerCase();
  if (word === '' || word === 'auto' || word === 'random') return null;
  const names = classNamesOf(model);
  return names ? classesNamed(names, text)[0] : undefined;
}

/** The accessible name of a generated image. */
export function imageName(model: string, seed: number, className: string | null): string {
  return className === null ? `${model}, seed ${seed}` : `${model}, seed ${seed}, class ${className}`;
}
