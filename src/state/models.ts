import { createStore, type StoreApi } from 'zustand/vanilla';
import { START_SIGMA } from '../lib/sampling';
import type { ModelInfo, ModelRef, SigmaSource } from '../protocol/models';
import { type Catalogue, type CatalogueModel, labelCount, listedClasses } from '../storage/catalogue';

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
  classes: readonly string[] | null;
  parameters: number;
  /** Noise level at which it starts. */
  sigma: number;
  sigmaFrom: SigmaSource;
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

export type CatalogueStore = StoreApi<{ catalogue: Catalogue | null }>;
export const createCatalogueStore = (): CatalogueStore => createStore(() => ({ catalogue: null }));

export const DEFAULT_MODEL = 'afhq-cat-64x64-gdd-i';

export const shipped = (catalogue: Catalogue | null): CatalogueModel[] =>
  catalogue?.models.filter((m) => m.kind === 'shipped') ?? [];

const previewOf = ({ preview }: CatalogueModel): Preview | null =>
  preview ? { path: preview, columns: 6, rows: 4 } : null;

export function catalogueFacts(catalogue: Catalogue, model: CatalogueModel): ModelFacts {
  return {
    key: model.id,
    ref: { kind: 'catalogue', id: model.id },
    name: model.name,
    role: model.role,
    resolution: model.resolution,
    channels: model.channels,
    labelDim: labelCount(model),
    classes: listedClasses(model),
    parameters: model.parameters,
    sigma: model.sigma ?? START_SIGMA,
    sigmaFrom: 'file',
    bytes: bytesOf(catalogue, model),
    licence: model.licence,
    dataset: model.dataset,
    preview: previewOf(model),
  };
}

export function openedFacts(info: ModelInfo): ModelFacts {
  // A student that was made here has no file, and so no size.
  return {
    ...info,
    bytes: info.bytes || null,
    ref: { kind: 'opened', key: info.key },
    dataset: null,
    preview: null,
  };
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

/** Every model that Generate can use: shipped ones, then opened ones. */
export function usableModels(catalogue: Catalogue | null, opened: readonly ModelInfo[]): ModelFacts[] {
  return [
    ...(catalogue ? shipped(catalogue).map((m) => catalogueFacts(catalogue, m)) : []),
    ...opened.map(openedFacts),
  ];
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

/** The class that a typed word names; null for a random one, undefined where the word is no class. */
export function typedClass(
  text: string,
  { classes }: Pick<ModelFacts, 'classes'>,
): number | null | undefined {
  const word = text.trim().toLowerCase();
  if (word === '' || word === 'auto' || word === 'random') return null;
  const index = classes?.findIndex((name) => name.toLowerCase() === word) ?? -1;
  return index < 0 ? undefined : index;
}

/** The accessible name of a generated image. */
export function imageName(model: string, seed: number, className: string | null): string {
  return className === null ? `${model}, seed ${seed}` : `${model}, seed ${seed}, class ${className}`;
}
