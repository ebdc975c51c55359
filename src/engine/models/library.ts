import { openSafetensors } from '../../formats/checkpoint';
import { isSafetensors } from '../../formats/safetensors';
import { blobSource, bufferSource, type Source } from '../../formats/source';
import { asInnateError, InnateError } from '../../lib/errors';
import { loadPart } from '../../lib/load-part';
import { precondNamed } from '../../lib/preconditioning';
import { parameterCount, parameterSpecs } from '../../nn/parameters';
import type { RunAbout } from '../../protocol/distil';
import type {
  ClosedFile,
  FileChoice,
  KeptModels,
  ModelInfo,
  ModelRef,
  Progress,
} from '../../protocol/models';
import {
  type Catalogue,
  type CatalogueModel,
  findModel,
  listedClasses,
  parseCatalogue,
  type StatedSampling,
  statedSampling,
} from '../../storage/catalogue';
import { DeviceModels } from '../../storage/device-models';
import { fetchBlob, fetchBytes } from '../../storage/fetch';
import { type KeptAbout, KeptFiles } from '../../storage/kept-files';
import { deltaInfo } from './delta';
import { FILE_KEY } from './file-key';
import { type Model, modelOf } from './model';
import { sigmaSource } from './start-sigma';
import { cachedWeights } from './weights';

export interface LibraryModel {
  info: ModelInfo;
  model: Model;
}

/** A file that a person opened, and how it is read. */
interface OpenedFile extends LibraryModel {
  file?: File;
  choice?: FileChoice;
  /** What a person set; null = what the file says. */
  sigma?: number;
}

interface LoadHooks {
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
}

/** Preconditionings that only one-step networks have. */
const ONE_STEP: ReadonlySet<string> = new Set(['GDDPrecond', 'ECMPrecond']);

/** The models that the page can use: those of the catalogue, fetched once, and the files it opened. */
export class Library {
  private catalogue: Promise<Catalogue> | null = null;
  private readonly shipped = new Map<string, LibraryModel>();
  private readonly opened = new Map<string, OpenedFile>();
  private madeCount = 0;

  constructor(
    private readonly modelsUrl: string,
    /** Where the page's host has the public models that it fetched; null where it has none. */
    private readonly fetchedUrl: string | null = null,
    private readonly keptFiles = new KeptFiles(),
    private readonly deviceModels = new DeviceModels(),
  ) {}

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
  async open(file: File, choice: FileChoice, hooks: LoadHooks, key = this.keyFor(file)): Promise<ModelInfo> {
    hooks.onProgress({ what: 'reading', done: 0, total: file.size, unit: 'bytes' });
    const model = await this.openSource(blobSource(file, file.name), choice, hooks);
    const kept = this.opened.get(key)?.info.kept ?? false;
    const info = { ...modelInfo(key, file.name, file.size, model, null), kept };
    this.opened.set(key, { info, model, file, choice });
    hooks.onProgress({ what: 'reading', done: file.size, total: file.size, unit: 'bytes' });
    return info;
  }

  /** The same file read in another way: as another of its networks, or in another preconditioning. */
  async reread(key: string, choice: FileChoice, hooks: LoadHooks): Promise<ModelInfo> {
    const before = this.file(key);
    const { file, sigma } = before;
    const { name, kept } = before.info;
    const model = await this.openSource(blobSource(file, name), choice, hooks, chosenSampling(sigma));
    const info = { ...modelInfo(key, name, file.size, model, null), kept, ...personal(sigma) };
    const opened = { ...before, info, model, choice };
    this.opened.set(key, opened);
    if (info.kept) await this.keptFiles.describe(aboutOf(opened));
    return info;
  }

  /** Keeps a copy of the file in this browser, or deletes it. */
  async keepFile(key: string, keep: boolean, hooks: LoadHooks): Promise<ModelInfo> {
    const opened = this.file(key);
    const { file, info } = opened;
    const onProgress = (done: number) =>
      hooks.onProgress({ what: 'keeping', done, total: file.size, unit: 'bytes' });
    if (keep) await this.keptFiles.keep(file, aboutOf(opened), onProgress, hooks.signal);
    else await this.keptFiles.drop(key);
    info.kept = keep; // the same object: whatever shows the model knows it by that
    return { ...info };
  }

  /** Opens what this browser keeps, except what is open already. */
  async openKept(hooks: LoadHooks): Promise<KeptModels> {
    const { files, unreadable } = await this.keptFiles.list();
    const models: ModelInfo[] = [];
    const closed: ClosedFile[] = [];
    const problems = unreadable.map(
      (name) => `A kept file (number ${name}) is damaged. It is still in this browser's storage.`,
    );
    for (const { about, file } of files) {
      if (this.opened.has(about.key)) continue;
      try {
        const choice = choiceOf(about);
        const sigma = about.sigma ?? undefined;
        const model = await this.openSource(
          blobSource(file, about.name),
          choice,
          hooks,
          chosenSampling(sigma),
        );
        const facts = modelInfo(about.key, about.name, file.size, model, null);
        const info: ModelInfo = { ...facts, kept: true, ...personal(sigma) };
        this.opened.set(about.key, { info, model, file, choice, ...(sigma !== undefined && { sigma }) });
        models.push(info);
      } catch (error) {
        const why = asInnateError(error).describe();
        const { key, name, bytes } = about;
        problems.push(`The kept file ${name} could not be opened: ${why}`);
        closed.push({ key, name, bytes, why });
      }
    }
    return { models, problems, closed };
  }

  private file(key: string): OpenedFile & { file: File } {
    const found = this.opened.get(key);
    if (found?.file) return found as OpenedFile & { file: File };
    throw new InnateError('not-found', 'this file is not open any more', {
      where: key,
      hint: 'Open it again',
    });
  }

  /** The address names a file by its name; another one of the same name gets a number. */
  private keyFor(file: File): string {
    for (let n = 1; ; n++) {
      const key = `${FILE_KEY}${file.name}${n === 1 ? '' : ` (${n})`}`;
      const before = this.opened.get(key);
      if (!before) return key;
      // A kept copy has a date of its own.
      const same = before.info.kept || before.file?.lastModified === file.lastModified;
      if (before.file?.size === file.size && same) return key;
    }
  }

  /** A model made here from a teacher, among the opened ones: with its classes, under its licence. */
  keep(
    model: Model,
    images: number,
    { teacherName, classes, licence }: Pick<RunAbout, 'teacherName' | 'classes' | 'licence'>,
  ): ModelInfo {
    const key = `made-${++this.madeCount}`;
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
    found.model.sigmaFrom = 'person';
    found.info.sigma = sigma;
    found.info.sigmaFrom = 'person';
    found.sigma = sigma;
    // Kept files are opened as they were left; where that cannot be written, the file still opens.
    if (found.info.kept) this.keptFiles.describe(aboutOf(found)).catch(() => {});
    return { ...found.info };
  }

  /** Closes an opened file; a copy that this browser keeps is deleted. */
  async forget(key: string): Promise<void> {
    const opened = this.opened.get(key);
    if (opened ? opened.info.kept : key.startsWith(FILE_KEY)) await this.keptFiles.drop(key);
    this.opened.delete(key);
    this.shipped.delete(key); // a public model that is deleted from this device
  }

  private async getShipped(id: string, hooks: LoadHooks): Promise<LibraryModel> {
    const kept = this.shipped.get(id);
    if (kept) return kept;
    const entry = await this.entry(id);
    if (entry.kind !== 'shipped') return this.getDownloaded(entry, hooks);
    const bytes = await this.fetchShipped(entry, hooks);
    const model = await this.openSource(bufferSource(bytes, id), {}, hooks, statedSampling(entry));
    const shipped = {
      info: modelInfo(id, entry.name, bytes.byteLength, model, entry),
      model: { ...model, weights: cachedWeights(model.weights) },
    };
    this.shipped.set(id, shipped);
    return shipped;
  }

  /** A public model that a person downloaded, or that the page's host fetched. Its weights stay in the file until they are used. */
  private async getDownloaded(entry: CatalogueModel, hooks: LoadHooks): Promise<LibraryModel> {
    const { signal, onProgress } = hooks;
    const onPiece = (done: number, total: number) => {
      if (signal.aborted) throw new InnateError('cancelled', 'cancelled');
      onProgress({ what: `checking ${entry.name}`, done, total, unit: 'bytes' });
    };
    const found = await this.deviceModels.find(entry.id, { onPiece });
    const file = found?.file ?? (await this.getFetched(entry, hooks));
    if (!file)
      throw new InnateError('not-found', 'this model is not on this device', {
        where: entry.name,
        hint: 'Download it in Models, or drop its checkpoint here',
      });
    const model = await this.openSource(blobSource(file, entry.id), {}, hooks, statedSampling(entry));
    const downloaded = { info: modelInfo(entry.id, entry.name, file.size, model, entry), model };
    this.shipped.set(entry.id, downloaded);
    return downloaded;
  }

  private async getFetched(
    { id, name }: CatalogueModel,
    { signal, onProgress }: LoadHooks,
  ): Promise<Blob | null> {
    if (this.fetchedUrl === null) return null;
    const options = {
      signal,
      onProgress: (done: number, total: number) =>
        onProgress({ what: `reading ${name}`, done, total, unit: 'bytes' }),
    };
    return fetchBlob(`${this.fetchedUrl}${id}.safetensors`, options).catch((error) => {
      if (error instanceof InnateError && error.code === 'not-found') return null; // removed meanwhile
      throw error;
    });
  }

  private async openSource(
    source: Source,
    choice: FileChoice,
    hooks: LoadHooks,
    sampling: StatedSampling = {},
  ): Promise<Model> {
    // The readers of pickles are half of the formats, and a person who opens no file of theirs never needs them.
    const checkpoint = isSafetensors(source)
      ? openSafetensors(source, choice)
      : (await loadPart(import('../../formats/open-checkpoint'))).openCheckpoint(source, choice);
    const delta = deltaInfo(checkpoint.metadata);
    const base = delta ? await this.getShipped(delta.of, hooks) : null;
    return modelOf(checkpoint, source.name, {
      ...choice,
      ...sampling,
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
        hint: 'The deployment is incomplete',
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
  // Its preconditioning, its distillation, its second step or its name says so.
  const named = sigmaSource(model.metadata, name) === 'name';
  const made = model.metadata.has('method') || model.sigmaMid !== null;
  const isStudent = ONE_STEP.has(config.precond) || made || named;
  const family =
    unet.modelType === 'DhariwalUNet' ? 'ADM' : unet.encoderType === 'residual' ? 'NCSN++' : 'DDPM++';
  return {
    key,
    name,
    role: entry?.role ?? (isStudent ? 'student' : 'unknown'),
    resolution: unet.imgResolution,
    channels: unet.inChannels,
    labelDim: unet.labelDim,
    classes: entry && listedClasses(entry),
    parameters: parameterCount(unet),
    precond: config.precond,
    sigma: model.sigma,
    sigmaFrom: model.sigmaFrom,
    sigmaMid: model.sigmaMid,
    architecture: `${family}, ${unet.modelChannels} channels x ${unet.channelMult.join(',')}`,
    bytes,
    licence: entry?.licence ?? null,
    notes: model.notes,
    entries: [...model.entries],
    entry: model.entry,
    kept: false,
  };
}

const chosenSampling = (sigma: number | undefined): StatedSampling => (sigma === undefined ? {} : { sigma });

/** A start sigma that a person set, not the file. */
const personal = (sigma: number | undefined) => (sigma === undefined ? {} : { sigmaFrom: 'person' as const });

const aboutOf = ({ info, choice, sigma }: OpenedFile): KeptAbout => ({
  version: 1,
  key: info.key,
  name: info.name,
  bytes: info.bytes,
  precond: choice?.precond ?? null,
  entry: choice?.entry ?? null,
  sigma: sigma ?? null,
});

const choiceOf = ({ precond, entry }: KeptAbout): FileChoice => {
  const kind = precond === null ? null : precondNamed(precond);
  return { ...(kind && { precond: kind }), ...(entry !== null && { entry }) };
};
