import { crc32 } from '../../formats/crc32';
import { StoredZip } from '../../formats/stored-zip';
import { asInnateError, badFile, InnateError } from '../../lib/errors';
import { sameMeasure } from '../../protocol/run-distances';
import type {
  RunDetail,
  RunList,
  RunRecord,
  RunSummary,
  RunsCall,
  RunsResults,
  SavedSamples,
  UnreadableRun,
} from '../../protocol/runs';
import { isFull } from '../../storage/write-all';
import type { EngineServices } from '../services';
import { RunFolder } from './folder';
import { runLocks } from './locks';
import { openRun, studentAt } from './moments';
import { missingSources } from './sources';
import { deltaPieces, studentMetadata, studentModel, wholePieces } from './student';
import { keepUnsaved, newestState, recordOf, stateFile, unsavedRuns } from './unsaved';

export type RunsServices = Pick<EngineServices, 'model' | 'keep'>;

/** Answers the page's questions about saved runs. */
export async function answerRuns(
  call: RunsCall,
  services: RunsServices,
): Promise<RunsResults[keyof RunsResults]> {
  if (call.do === 'list') return listRuns();
  if (call.do === 'delete') {
    // Not while a tab is at it: that one would write it anew.
    await runLocks.hold(call.run, () => RunFolder.remove(call.run));
    unsavedRuns.delete(call.run);
    return null;
  }
  // What needs no record: it may be what cannot be read.
  if (call.do === 'export' && call.what === 'files') return exportFiles(await RunFolder.listed(call.run));
  if (call.do === 'export' && call.what === 'state') return exportState(await RunFolder.listed(call.run));
  const { folder, record } = await openRun(call.run);
  switch (call.do) {
    case 'open':
      return detail(folder, record);
    case 'keep':
      await keepUnsaved(folder).catch((error) => {
        throw isFull(error) ? noRoom(record, error) : error;
      });
      return null;
    case 'describe':
      await folder.saveLabel({ name: call.name ?? record.about.name, notes: call.notes ?? record.notes });
      return null;
    case 'drop-distances': {
      const left = (await folder.distances()).filter((other) => !sameMeasure(other, call));
      await folder.saveDistances(left);
      return left;
    }
    case 'student': {
      const { teacher, weights, images } = await studentAt({ folder, record }, call.images, services);
      return services.keep(studentModel(teacher, weights, record.config, images), images, record.about);
    }
    case 'export':
      return exportRun(folder, record, call, services);
  }
}

/**
 * Lists all runs. One that cannot be read is listed as that and never deleted: an error in reading says nothing of what
 * is on the disk. Only what holds no work at all goes, a run that ended before its first save.
 */
async function listRuns(): Promise<RunList | null> {
  const ids = await RunFolder.ids();
  if (!ids) return null;
  const held = await runLocks.held(); // after the ids: who makes a folder holds its lock already
  const runs: RunSummary[] = [];
  const unreadable: UnreadableRun[] = [];
  for (const id of ids) {
    try {
      const folder = await RunFolder.listed(id);
      const record = await recordOf(folder);
      if (record) runs.push(await summary(folder, record, held));
      else if (await folder.holdsWork()) throw badFile('it ended during its first save, which is incomplete');
      else if (held && !held.has(id)) await RunFolder.remove(id);
    } catch (error) {
      unreadable.push(await describeUnreadable(id, asInnateError(error), held));
    }
  }
  runs.sort((a, b) => b.record.created - a.record.created);
  return { runs, unreadable };
}

async function describeUnreadable(
  id: string,
  error: InnateError,
  held: ReadonlySet<string> | null,
): Promise<UnreadableRun> {
  const folder = await RunFolder.listed(id).catch(() => null);
  const { where: _, ...detail } = error.detail;
  return {
    id,
    bytes: (await folder?.bytes().catch(() => 0)) ?? 0,
    busy: held?.has(id) ?? false,
    reason: new InnateError(error.code, error.message, detail).describe(),
    state: (await folder?.state('last').catch(() => null)) != null,
  };
}

async function summary(
  folder: RunFolder,
  record: RunRecord,
  held: ReadonlySet<string> | null,
): Promise<RunSummary> {
  return {
    record,
    bytes: await folder.bytes(),
    busy: held?.has(folder.id) ?? false,
    unsaved: unsavedRuns.has(folder.id),
    missing: missingSources(record),
    preview: await newestSamples(folder, record).catch(() => null), // a picture that cannot be read is no loss
  };
}

async function newestSamples(folder: RunFolder, record: RunRecord): Promise<SavedSamples | null> {
  const newest = (await folder.sampleMoments()).at(-1);
  return newest === undefined ? null : samplesAt(folder, record, newest, false);
}

async function detail(folder: RunFolder, record: RunRecord): Promise<RunDetail> {
  const saved = await newestState(folder);
  const students = new Set(await folder.studentMoments());
  const samples: SavedSamples[] = [];
  for (const images of await folder.sampleMoments()) {
    // What came after the last save will be made again.
    if (images > (saved?.meta.images ?? 0)) continue;
    const found = await samplesAt(folder, record, images, students.has(images));
    if (found) samples.push(found);
  }
  return {
    ...(await summary(folder, record, await runLocks.held())),
    curve: saved?.meta.curve ?? [],
    samples,
    distances: await folder.distances(),
  };
}

/** null where the file was cut off. */
async function samplesAt(
  folder: RunFolder,
  { about, request }: RunRecord,
  images: number,
  student: boolean,
): Promise<SavedSamples | null> {
  const pixels = await folder.readSamples(images);
  if (pixels?.length !== request.sampleSeeds.length * about.resolution ** 2 * 4) return null;
  return { images, resolution: about.resolution, pixels, student };
}

async function exportRun(
  folder: RunFolder,
  record: RunRecord,
  { what, images }: Extract<RunsCall, { do: 'export' }>,
  services: RunsServices,
): Promise<Blob> {
  const { teacher, weights, images: seen } = await studentAt({ folder, record }, images, services);
  const metadata = studentMetadata(record.config, seen, record.about, teacher.config.unet);
  return blob(
    what === 'delta'
      ? deltaPieces(teacher, weights, metadata, record.about.teacherKey)
      : wholePieces(teacher, weights, metadata, 'f16'),
  );
}

const blob = (pieces: Iterable<Uint8Array>): Blob =>
  new Blob([...pieces] as BlobPart[], { type: 'application/octet-stream' });

async function exportState(folder: RunFolder): Promise<Blob> {
  const pieces = await stateFile(folder);
  if (pieces) return blob(pieces);
  throw new InnateError('not-found', 'this run has no save yet', { where: folder.id });
}

/** Every file of a run as it lies on the disk, as a zip; it is held by the browser, not in memory. */
async function exportFiles(folder: RunFolder): Promise<Blob> {
  const zip = new StoredZip();
  const parts: BlobPart[] = [];
  for await (const [path, file] of folder.files()) {
    // A copy: the run may be under way, and a blob of a file that has changed cannot be read.
    const copy: Blob[] = [];
    let [size, crc] = [0, 0];
    const reader = file.stream().getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      copy.push(new Blob([value]));
      size += value.length;
      crc = crc32(value, crc);
    }
    parts.push(...(zip.header(path, size, crc) as BlobPart[]), ...copy);
  }
  return new Blob([...parts, ...(zip.end() as BlobPart[])], { type: 'application/zip' });
}

const noRoom = (record: RunRecord, cause: unknown) =>
  new InnateError(
    'io',
    'there is still no room for this run',
    { where: record.about.name, hint: 'Delete runs that you do not need, or free disk space' },
    cause,
  );
