import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { basename } from 'node:path';
import { convertStream } from '../../src/engine/models/convert-stream';
import type { Model } from '../../src/engine/models/model';
import { openModel } from '../../src/engine/models/open-model';
import type { Source } from '../../src/formats/source';
import { InnateError } from '../../src/lib/errors';
import { precondNamed } from '../../src/lib/preconditioning';
import { START_SIGMA } from '../../src/lib/sampling';
import { type CatalogueModel, labelCount, statedSampling } from '../../src/storage/catalogue';
import { type DownloadState, download } from '../../src/storage/download/download';
import { noRoom } from '../../src/storage/download/failures';
import { fileSource, sha256OfFile } from '../files';
import type { FetchedModel, FetchedModels } from './cache';
import { takeLock } from './lock';
import { hostsFor, nodePlatform } from './network';
import { PartFile, recordFile } from './part-file';

export interface ObtainHooks {
  signal: AbortSignal;
  note(text: string): void;
  onDownload(state: DownloadState): void;
  onConvert(done: number, total: number): void;
}

/**
 * Where a model is to be had: at an address, or in a file that the person has. `known`: what comes from there has to be the
 * file that the catalogue knows.
 */
export type Place = { address: string; known: boolean } | { path: string };

/**
 * Brings a model of the catalogue into `models`: downloads its checkpoint (going on where an earlier call left off),
 * sees that it is the network that the catalogue describes, writes it as float16 .safetensors and deletes the download. A file of
 * the person's own stays. One process at a time does that for a model. Until the conversion is whole the download stays, so
 * that nothing is downloaded twice; a file that is refused is deleted.
 */
export async function obtain(
  entry: CatalogueModel,
  place: Place,
  models: FetchedModels,
  hooks: ObtainHooks,
): Promise<FetchedModel> {
  mkdirSync(models.folder, { recursive: true });
  const release = takeLock(models.file(entry.id, 'lock'), 'fetches this model');
  try {
    models.sweep(entry.id);
    if ('path' in place) return await fromFile(entry, place.path, models, hooks);
    const downloaded = await downloadPart(entry, place, models, hooks);
    const part = models.file(entry.id, 'part');
    const name = fileName(place.address);
    const model = openAs(entry, { ...fileSource(part), name }, () => discard(models, entry.id));
    const fetched = await convert(
      entry.id,
      model,
      { address: place.address, name, ...downloaded },
      models,
      hooks,
    );
    discard(models, entry.id);
    return fetched;
  } finally {
    release();
  }
}

async function fromFile(entry: CatalogueModel, path: string, models: FetchedModels, hooks: ObtainHooks) {
  const source = fileSource(path);
  const model = openAs(entry, source, () => {});
  const sha256 = sha256OfFile(path);
  const about = { address: null, name: basename(path), bytes: source.size, sha256 };
  return convert(entry.id, model, about, models, hooks);
}

async function downloadPart(
  { id, files }: CatalogueModel,
  { address, known }: Exclude<Place, { path: string }>,
  models: FetchedModels,
  hooks: ObtainHooks,
) {
  const [listed] = files;
  const file = new PartFile(models.file(id, 'part'));
  try {
    const { bytes, sha256, notes } = await download(
      {
        address,
        name: fileName(address),
        hosts: hostsFor(address),
        bytes: (known && listed?.bytes) || null,
        sha256: (known && listed?.sha256) || null,
        file,
        record: recordFile(models.file(id, 'part.json')),
        signal: hooks.signal,
        onState: hooks.onDownload,
        room: async (total, done) => {
          // Beside the download there will be its float16 copy.
          const needed = total - done + total / 2;
          const { bavail, bsize } = statfsSync(models.folder);
          if (needed > bavail * bsize)
            throw noRoom(
              { address, name: fileName(address) },
              needed,
              bavail * bsize,
              `Make room, or name another folder with --dir; ${models.folder} is where it goes`,
            );
        },
      },
      await nodePlatform(),
    );
    for (const note of notes) hooks.note(note);
    if (!known && listed?.sha256 && listed.sha256 !== sha256)
      hooks.note(`warning: this is not the file that the catalogue knows (sha256 ${listed.sha256})`);
    return { bytes, sha256 };
  } finally {
    const nothing = file.size === 0;
    file.close();
    if (nothing) discard(models, id);
  }
}

/** The network in a file, which has to be the one of the entry; else `refused` is called and the error thrown. */
function openAs(entry: CatalogueModel, source: Source, refused: () => void): Model {
  try {
    const precond = precondNamed(entry.precond);
    const model = openModel(source, {
      sigma: START_SIGMA,
      ...statedSampling(entry),
      ...(precond && { precond }),
    });
    const { imgResolution, inChannels, labelDim } = model.config.unet;
    const words = (resolution: number, channels: number, labels: number) =>
      `${resolution}x${resolution}, ${channels} channels, ${labels} classes`;
    const expected = words(entry.resolution, entry.channels, labelCount(entry));
    const found = words(imgResolution, inChannels, labelDim);
    if (expected === found) return model;
    throw new InnateError('mismatch', `this file is not ${entry.id}`, {
      where: source.name,
      expected,
      found,
    });
  } catch (error) {
    refused();
    throw error;
  }
}

function convert(
  id: string,
  model: Model,
  source: FetchedModel['source'],
  models: FetchedModels,
  { signal, note, onConvert }: ObtainHooks,
): Promise<FetchedModel> {
  for (const line of model.notes) note(`note: ${line}`);
  return models.put(id, source, (output) =>
    convertStream(model, output, { from: source.name, signal, onProgress: onConvert }),
  );
}

function discard(models: FetchedModels, id: string): void {
  for (const ending of ['part', 'part.json'] as const) rmSync(models.file(id, ending), { force: true });
}

/** The last part of an address, decoded: what the file is called there. */
function fileName(address: string): string {
  const { pathname, host } = new URL(address);
  const last = pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(last) || host;
  } catch {
    return last;
  }
}
