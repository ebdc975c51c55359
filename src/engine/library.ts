import { openCheckpoint } from '../formats/checkpoint';
import { blobSource, bufferSource, type Source } from '../formats/source';
import { InnateError } from '../lib/errors';
import type { PrecondKind } from '../lib/preconditioning';
import { parameterCount, parameterSpecs } from '../nn/parameters';
import { type Catalogue, type CatalogueModel, findModel, parseCatalogue } from '../storage/catalogue';
import { fetchBytes } from '../storage/fetch';
import { deltaInfo } from './delta';
import type { RunAbout } from './distil-protocol';
import { type Model, openModel } from './model';
import type { ModelInfo, ModelRef, Progress } from './protocol';
import { sigmaSource } from './start-sigma';
import { cachedWeights } from './weights';

export interface LibraryModel {
  info: ModelInfo;
  model: Model;
}

interface LoadHooks {
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
}

/** The models that the page can use: those of the catalogue, fetched once, and the files it opened. */
export class Library {
  private catalogue: Promise<Catalogue> | null = null;
  private readonly shipped = new Map<string, LibraryModel>();
  private readonly opened = new Map<string, LibraryModel>();
  private openedCount = 0;

  constructor(private readonly modelsUrl: string) {}

  async get(ref: ModelRef, hooks: LoadHooks): Promise<LibraryModel> {
    if (ref.kind === 'catalogue') return this.getShipped(ref.id, hooks);
    const found = this.opened.get(ref.key);
    if (found) return found;
    throw new InnateError('not-found', 'this file is not open any more', {
      where: ref.key,
      hint: 'Open it again',
    });
  }

  /**
   * Reads the structure of a file; its weights are read when the model is put on a back-end. `key`: the one that it had
   * before, in a worker that died.
   */
  async open(
    file: File,
    precond: PrecondKind | undefined,
    hooks: LoadHooks,
    key = `opened-${++this.openedCount}`,
  ): Promise<ModelInfo> {
    hooks.onProgress({ what: 'reading', done: 0, total: file.size, unit: 'bytes' });
    const model = await this.openSource(blobSource(file, file.name), precond, hooks);
    // No other model takes a key that was brought along.
    this.openedCount = Math.max(this.openedCount, Number(/\d+$/.exec(key)?.[0] ?? 0));
    const info = modelInfo(key, file.name, file.size, model, null);
    this.opened.set(key, { info, model });
    hooks.onProgress({ what: 'reading', done: file.size, total: file.size, unit: 'bytes' });
    return info;
  }

  /** A model made here from a teacher, among the opened ones: with its classes, under its licence. */
  keep(
    model: Model,
    images: number,
    { teacherName, classes, licence }: Pick<RunAbout, 'teacherName' | 'classes' | 'licence'>,
  ): ModelInfo {
    const key = `made-${++this.openedCount}`;
    const name = `${teacherName.split(',')[0]} student, ${images} images`;
    // As it would be saved: float16 matrices, the rest float32.
    const bytes = parameterSpecs(model.config.unet).reduce(
      (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1) * (shape.length >= 2 ? 2 : 4),
      0,
    );
    const info: ModelInfo = {
      ...modelInfo(key, name, bytes, model, null),
      role: 'student',
      classes: classes && [...classes],
      licence,
    };
    this.opened.set(key, { info, model });
    return info;
  }

  /** Another start sigma for an opened file: its guess was wrong. */
  setSigma(key: string, sigma: number): ModelInfo {
    const found = this.opened.get(key);
    if (!found) throw new InnateError('not-found', 'this file is not open any more', { where: key });
    // The same objects: whatever holds the model knows it by them.
    found.model.sigma = sigma;
    found.info.sigma = sigma;
    found.info.sigmaFrom = 'person';
    return { ...found.info };
  }

  forget(key: string): void {
    this.opened.delete(key);
  }

  private async getShipped(id: string, hooks: LoadHooks): Promise<LibraryModel> {
    const kept = this.shipped.get(id);
    if (kept) return kept;
    const entry = await this.entry(id);
    const bytes = await this.fetchShipped(entry, hooks);
    const model = await this.openSource(bufferSource(bytes, id), undefined, hooks, entry.sigma);
    const shipped = {
      info: modelInfo(id, entry.name, bytes.byteLength, model, entry),
      model: { ...model, weights: cachedWeights(model.weights) },
    };
    this.shipped.set(id, shipped);
    return shipped;
  }

  private async openSource(
    source: Source,
    precond: PrecondKind | undefined,
    hooks: LoadHooks,
    sigma?: number,
  ): Promise<Model> {
    const delta = deltaInfo(openCheckpoint(source).metadata);
    const base = delta ? await this.getShipped(delta.of, hooks) : null;
    return openModel(source, {
      ...(precond && { precond }),
      ...(sigma !== undefined && { sigma }),
      ...(base && { openBase: () => base.model }),
    });
  }

  private async entry(id: string): Promise<CatalogueModel> {
    this.catalogue ??= fetchBytes(`${this.modelsUrl}index.json`).then((b) =>
      parseCatalogue(new TextDecoder().decode(b)),
    );
    try {
      return findModel(await this.catalogue, id);
    } catch (error) {
      this.catalogue = null; // a failed fetch may be tried again
      throw error;
    }
  }

  private async fetchShipped(entry: CatalogueModel, { signal, onProgress }: LoadHooks): Promise<Uint8Array> {
    const file = entry.files.find((f) => f.path !== undefined);
    if (!file?.path)
      throw new InnateError('not-found', 'this model does not come with the page', {
        where: entry.id,
        hint: 'Download its checkpoint and drop the file here',
      });
    return fetchBytes(this.modelsUrl + file.path, {
      signal,
      sha256: file.sha256,
      onProgress: (done, total) =>
        onProgress({ what: `downloading ${entry.name}`, done, total: file.bytes ?? total, unit: 'bytes' }),
    });
  }
}

function modelInfo(
  key: string,
  name: string,
  bytes: number,
  model: Model,
  entry: CatalogueModel | null,
): ModelInfo {
  const { config } = model;
  const { unet } = config;
  const sigmaFrom = entry?.sigma !== undefined ? 'file' : sigmaSource(model.metadata, name);
  // Its preconditioning, its distillation or its name says so.
  const isStudent = config.precond === 'GDDPrecond' || model.metadata.has('method') || sigmaFrom === 'name';
  const family =
    unet.modelType === 'DhariwalUNet' ? 'ADM' : unet.encoderType === 'residual' ? 'NCSN++' : 'DDPM++';
  return {
    key,
    name,
    role: entry?.role ?? (isStudent ? 'student' : 'unknown'),
    resolution: unet.imgResolution,
    channels: unet.inChannels,
    labelDim: unet.labelDim,
    classes: entry?.classes ?? null,
    parameters: parameterCount(unet),
    precond: config.precond,
    sigma: model.sigma,
    sigmaFrom,
    architecture: `${family}, ${unet.modelChannels} channels x ${unet.channelMult.join(',')}`,
    bytes,
    licence: entry?.licence ?? null,
    notes: model.notes,
  };
}
