import { savedConfig, studentSampling } from '../../distil/config';
import { InnateError } from '../../lib/errors';
import { backendLine } from '../../lib/words';
import type { DistilRequest } from '../../protocol/distil';
import type { ResumeRequest, RunRecord } from '../../protocol/runs';
import { RunFolder } from '../runs/folder';
import { RunSaver } from '../runs/saver';
import { keepSources, openSources, type RunSources, reopenSources } from '../runs/sources';
import type { SavedRun } from '../runs/state';
import { recordOf } from '../runs/unsaved';
import { RunDistances } from './distances';
import { newRecord } from './record';
import type { DistilServices } from './services';
import { realVariance } from './spread';

/** A run whose networks, images and folder are there: what a session steps through. */
export interface OpenRun {
  sources: RunSources;
  /** How far it is; what is on disk of it, the saver knows. */
  record: RunRecord;
  saver: RunSaver;
  /** null where this browser keeps no files. */
  folder: RunFolder | null;
  distances: RunDistances;
  /** Total variance of the real images' pixels; 0 where it is not known. */
  realVariance: number;
  /** Where a resumed run begins; null once it is there, and for a new run: then the newest save counts. */
  from: SavedRun | null;
  /** `from` is not the newest save. */
  rewinds: boolean;
}

export type Report = (what: string) => (done: number, total: number) => void;

/**
 * Opens what a run is made of: a new one from its request, or a saved one. Throws without having changed a saved run
 * where its networks or images cannot be had.
 */
export async function openRun(
  start: DistilRequest | ResumeRequest,
  id: string,
  services: DistilServices,
  report: Report,
): Promise<OpenRun> {
  const folder = await RunFolder.open(id);
  const saver = new RunSaver(folder, services.emit);
  const found =
    'resume' in start
      ? await reopen(start, folder, saver, services, report)
      : await begin(start, folder, services, report);
  const { record, sources } = found;
  report('looking at real images')(0, 0); // for their spread
  return {
    ...found,
    folder,
    saver,
    realVariance: await realVariance(sources.data),
    distances: new RunDistances(
      sources,
      record.request.measureImages,
      studentSampling(record.config),
      services.data.feature,
      // The teacher and the student come next.
      (done, total) =>
        done < total ? report('measuring real images')(done, total) : report('measuring the student')(0, 0),
    ),
  };
}

type Found = Pick<OpenRun, 'sources' | 'record' | 'from' | 'rewinds'>;

async function begin(
  request: DistilRequest,
  folder: RunFolder | null,
  services: DistilServices,
  report: Report,
): Promise<Found> {
  const sources = await openSources(request, services, report);
  const record = newRecord(request, backendLine(services.backend()));
  if (folder) record.kept = await keepSources(request, sources, folder, report);
  return { sources, record, from: null, rewinds: false };
}

async function reopen(
  resume: ResumeRequest,
  folder: RunFolder | null,
  saver: RunSaver,
  services: DistilServices,
  report: Report,
): Promise<Found> {
  const record = folder && (await recordOf(folder));
  if (!folder || !record)
    throw new InnateError('not-found', 'this run is not saved here', { where: resume.resume });
  const from = await saver.load(resume.from);
  if (resume.teacher) record.request.teacher = resume.teacher;
  const sources = await reopenSources(record, folder, resume, services, report);
  record.config = { ...savedConfig(record.config), ...resume.changes };
  Object.assign(record, { end: 'open', error: null, wayBack: null });
  await saver.resume(record);
  return { sources, record, from, rewinds: resume.from !== 'last' };
}
