import { isSafetensors, readSafetensors } from '../../formats/safetensors';
import type { Source } from '../../formats/source';
import { asInnateError, InnateError } from '../../lib/errors';
import { allowedHosts } from '../../lib/hosts';
import type { DownloadProgress, DownloadResult, Wanted } from '../../protocol/downloads';
import { DeviceModels } from '../../storage/device-models';
import { DeviceParts } from '../../storage/device-parts';
import { type Downloaded, type DownloadState, download } from '../../storage/download/download';
import { noRoom } from '../../storage/download/failures';
import type { Platform } from '../../storage/download/platform';
import { createHasher } from '../../storage/download/sha256';
import { KeptFiles } from '../../storage/kept-files';
import { freeBytes } from '../../storage/opfs';
import { isFull } from '../../storage/write-all';
import { convertStream } from '../models/convert-stream';
import { deltaInfo } from '../models/delta';
import { FILE_KEY } from '../models/file-key';
import type { Model } from '../models/model';
import { openModel } from '../models/open-model';

/** Bytes that are copied at once. */
const PIECE = 4 * 2 ** 20;

export interface JobHooks {
  signal: AbortSignal;
  onProgress(progress: DownloadProgress): void;
}

/** Where a job keeps things; a test has its own. */
export interface JobPlaces {
  parts: DeviceParts;
  models: DeviceModels;
  kept: KeptFiles;
  platform: Platform;
}

const PLACES = (): JobPlaces => ({
  parts: new DeviceParts(),
  models: new DeviceModels(),
  kept: new KeptFiles(),
  platform: pagePlatform,
});

/**
 * Brings a checkpoint onto this device: downloads it, or goes on where an earlier visit left off, sees that it is the
 * network that was asked for, writes that as float16 .safetensors, and deletes the download. Ended by anything else than
 * a file that is refused, it leaves what came so far.
 */
export async function runDownload(
  wanted: Wanted,
  hooks: JobHooks,
  places: JobPlaces = PLACES(),
): Promise<DownloadResult> {
  const { parts } = places;
  const { choice: _, ...asked } = wanted;
  const begun = await parts.begin(wanted.id, JSON.stringify(asked));
  if (!begun)
    throw new InnateError('io', 'this browser keeps no files', {
      where: wanted.title,
      hint: 'Private windows and blocked site data prevent it; download the file by its address and drop it here',
    });
  const { file, record } = begun;
  let keeps = true;
  try {
    const downloaded = await download(
      {
        ...wanted,
        name: wanted.title, // what messages call it
        hosts: allowedHosts,
        file,
        record,
        signal: hooks.signal,
        onState: told(hooks),
        room: room(wanted, places),
      },
      places.platform,
    );
    const source = { ...sourceOf(file), name: wanted.name };
    const refused = () => {
      keeps = false;
    };
    const difference = wanted.network === null && isDifference(source);
    const model = difference ? null : opened(wanted, source, refused);
    const key = model
      ? await convert(wanted, model, downloaded, hooks, places)
      : await keepAsIs(wanted, source, hooks, places);
    keeps = false;
    return { key, notes: [...downloaded.notes, ...(model?.notes ?? [])] };
  } catch (error) {
    throw isFull(error)
      ? noRoom(wanted, null, await freeBytes(), await whatToDelete(wanted, places), error)
      : error;
  } finally {
    keeps &&= file.size > 0;
    file.close();
    if (!keeps) await parts.remove(wanted.id);
  }
}

/** Getters do not survive a spread. */
const sourceOf = (file: Source): Source => ({
  name: file.name,
  size: file.size,
  read: (offset, length) => file.read(offset, length),
});

const told =
  ({ onProgress }: JobHooks) =>
  (state: DownloadState): void => {
    const { phase, done, total } = state;
    const rate = state.phase === 'receiving' ? state.rate : null;
    const left = state.phase === 'receiving' ? state.left : state.phase === 'waiting' ? state.seconds : null;
    onProgress({ phase, done, total, rate, left });
  };

/** The download, and beside it until it is deleted its float16 copy. */
const room = (wanted: Wanted, places: JobPlaces) => async (total: number, done: number) => {
  const free = await freeBytes();
  const needed = total - done + total / 2;
  if (free !== null && needed > free) throw noRoom(wanted, needed, free, await whatToDelete(wanted, places));
};

async function whatToDelete({ id }: Wanted, { parts, models }: JobPlaces): Promise<string> {
  const things = [
    ...(await models.list()).models.map((m) => ({ name: m.id, bytes: m.file.bytes })),
    ...(await parts.list()).map(({ wanted, bytes }) => ({ ...(JSON.parse(wanted) as Wanted), bytes })),
  ]
    .filter((thing) => !('id' in thing && thing.id === id))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, 3)
    .map(
      ({ bytes, ...thing }) =>
        `${'title' in thing ? thing.title : thing.name} (${Math.round(bytes / 1e6)} MB)`,
    );
  return things.length > 0
    ? `Delete in Models what you do not need: ${things.join(', ')}; or saved runs in Distil`
    : 'Delete saved runs in Distil or kept files, or make room on this disk';
}

/** A student that is only what changed from its teacher: whoever opens it finds the teacher. */
const isDifference = (source: Source): boolean =>
  isSafetensors(source) && deltaInfo(readSafetensors(source).metadata) !== null;

/**
 * The network in the file, which has to be the one that was asked for; else `refused` is called, except where a person
 * may choose, or has chosen, how it is read.
 */
function opened(wanted: Wanted, source: Source, refused: () => void): Model {
  try {
    const { network, choice } = wanted;
    const { sigma, precond } = network ?? {};
    const model = openModel(source, { sigma, ...(precond && { precond }), ...choice });
    if (!network) return model;
    const words = (n: Pick<NonNullable<Wanted['network']>, 'resolution' | 'channels' | 'labelDim'>) =>
      `${n.resolution} x ${n.resolution}, ${n.channels} channels, ${n.labelDim} classes`;
    const { imgResolution: resolution, inChannels: channels, labelDim } = model.config.unet;
    const [expected, found] = [words(network), words({ resolution, channels, labelDim })];
    if (expected === found) return model;
    throw new InnateError('mismatch', 'the file holds another network and was deleted', {
      where: wanted.title,
      expected,
      found,
    });
  } catch (error) {
    if (!wanted.choice && !asInnateError(error).detail.choose) refused();
    throw error;
  }
}

async function convert(
  wanted: Wanted,
  model: Model,
  { bytes, sha256 }: Downloaded,
  { signal, onProgress }: JobHooks,
  { models, kept }: JobPlaces,
): Promise<string> {
  const { id, address, name } = wanted;
  const write: Write = (sink) =>
    convertStream(model, sink, {
      from: name,
      ...(!wanted.network && { origin: { address, sha256 } }),
      signal,
      onProgress: (done, total) => onProgress({ phase: 'converting', done, total, rate: null, left: null }),
    });
  if (wanted.network) {
    await models.put({ id, address, source: { name, bytes, sha256 } }, await createHasher(), write);
    return id;
  }
  return keepFile(name, kept, write);
}

/** A file that needs no conversion joins those that this browser keeps. */
const keepAsIs = ({ name }: Wanted, source: Source, { signal, onProgress }: JobHooks, { kept }: JobPlaces) =>
  keepFile(name, kept, async (sink) => {
    for (let at = 0; at < source.size; at += PIECE) {
      if (signal.aborted) throw new InnateError('cancelled', 'cancelled', { where: name });
      const length = Math.min(PIECE, source.size - at);
      sink.write(source.read(at, length));
      onProgress({ phase: 'converting', done: at + length, total: source.size, rate: null, left: null });
      await new Promise((resolve) => setTimeout(resolve)); // a cancel can arrive only between two tasks
    }
  });

type Write = Parameters<KeptFiles['place']>[2];

/** Its key. */
async function keepFile(name: string, kept: KeptFiles, write: Write): Promise<string> {
  const own = await freeName(`${name.replace(/\.[a-z]+$/i, '')}.safetensors`, kept);
  await kept.place(own, FILE_KEY + own, write);
  return FILE_KEY + own;
}

/** Many files of many addresses are called network.pkl: none takes the place of another. */
async function freeName(name: string, kept: KeptFiles): Promise<string> {
  const taken = new Set((await kept.list()).files.map(({ about }) => about.name));
  for (let n = 2, free = name; ; n++) {
    if (!taken.has(free)) return free;
    free = name.replace(/\.safetensors$/, ` (${n}).safetensors`);
  }
}

const pagePlatform: Platform = {
  fetch: (input, init) => fetch(input, init),
  redirects: 'followed',
  online: () => navigator.onLine,
  now: () => Date.now(),
  wait: (ms, signal) =>
    new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
        removeEventListener('online', done);
      };
      const done = () => {
        end();
        resolve();
      };
      const aborted = () => {
        end();
        reject(signal.reason);
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', aborted);
      addEventListener('online', done); // a connection that is back need not be waited for
    }),
};
