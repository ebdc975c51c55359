import { openSafetensors } from '../../formats/checkpoint';
import { InnateError } from '../../lib/errors';
import type { WeightSource } from '../../nn/weights';
import type { ModelRef } from '../../protocol/models';
import type { RunRecord } from '../../protocol/runs';
import { type Model, modelOf } from '../models/model';
import { cachedWeights } from '../models/weights';
import type { EngineServices } from '../services';
import { RunFolder } from './folder';
import { type SavedRun, savedStudent } from './state';
import { asStudent, keptStudent } from './student';
import { newestState, recordOf } from './unsaved';

export interface ListedRun {
  folder: RunFolder;
  record: RunRecord;
}

/** A run that this browser has saved. Throws a `not-found` error where there is none of that id. */
export async function openRun(id: string): Promise<ListedRun> {
  const folder = (await RunFolder.ids())?.includes(id) ? await RunFolder.open(id) : null;
  const record = folder && (await recordOf(folder));
  if (folder && record) return { folder, record };
  throw new InnateError('not-found', 'this run is not saved here any more', {
    where: id,
    hint: 'It may have been deleted in another tab',
  });
}

/** Images seen at every moment whose student can be had, ascending, and at the best one among them. */
export async function studentMoments({
  folder,
}: Pick<ListedRun, 'folder'>): Promise<{ moments: number[]; best: number | null }> {
  const last = (await newestState(folder))?.meta.images ?? null;
  if (last === null) return { moments: [], best: null };
  const best = (await folder.state('best'))?.meta.images ?? null;
  // What came after the last save will be made again.
  const kept = (await folder.studentMoments()).filter((images) => images <= last);
  const all = new Set([...kept, ...(best !== null && best <= last ? [best] : []), last]);
  return { moments: [...all].sort((a, b) => a - b), best: best !== null && all.has(best) ? best : null };
}

/** A student of a run: of the last save where `images` is null, of the best one, or one that was kept for a moment. */
export async function studentAt(
  { folder, record }: ListedRun,
  images: number | null,
  services: Pick<EngineServices, 'model'>,
): Promise<{ teacher: Model; weights: WeightSource; images: number }> {
  const { request, kept } = record;
  const teacher = await networkOf(folder, 'teacher', request.teacher, kept.teacher, services);
  const own = asStudent(teacher, record.config);
  const fromState = async (saved: SavedRun) => {
    const start = request.student
      ? await networkOf(folder, 'start', request.student, kept.student, services)
      : teacher;
    return { teacher: own, weights: savedStudent(saved, start.weights), images: saved.meta.images };
  };
  const saved = await newestState(folder);
  if (saved && (images === null || images === saved.meta.images)) return fromState(saved);
  if (images === null) throw new InnateError('not-found', 'nothing of this run is saved yet');
  const student = await folder.student(images);
  if (student) return { teacher: own, weights: keptStudent(teacher, student), images };
  const best = await folder.state('best');
  if (best?.meta.images === images) return fromState(best);
  throw new InnateError('not-found', 'the student of this moment was not kept', {
    where: `${images} images`,
    hint: 'Choose a moment that is marked as kept',
  });
}

/** A network that a run began with: the run's own copy where it keeps one, else what it refers to. */
async function networkOf(
  folder: RunFolder,
  name: 'teacher' | 'start',
  ref: ModelRef,
  kept: boolean,
  services: Pick<EngineServices, 'model'>,
): Promise<Model> {
  if (!kept) return (await services.model(ref)).model;
  const source = await folder.file(name);
  if (!source) throw new InnateError('not-found', 'the network that this run began with is gone');
  const model = modelOf(openSafetensors(source), source.name);
  return { ...model, weights: cachedWeights(model.weights) };
}
