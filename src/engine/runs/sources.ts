import type { Dataset } from '../../data';
import { openSafetensors } from '../../formats/checkpoint';
import { type TensorData, writeSafetensors } from '../../formats/safetensors';
import { InnateError } from '../../lib/errors';
import type { DistilRequest } from '../../protocol/distil';
import type { DataRef } from '../../protocol/models';
import { missingImages, type ResumeRequest, type RunRecord, type SavedRequest } from '../../protocol/runs';
import { freeBytes, readFile, writeFile } from '../../storage/opfs';
import { configMetadata, exportWhole } from '../models/export';
import { featureTensors } from '../models/feature-file';
import { type Model, modelOf } from '../models/model';
import type { PageData } from '../models/page-data';
import { cachedWeights } from '../models/weights';
import type { EngineServices } from '../services';
import type { RunFolder } from './folder';
import { isFile, named, type OpenPaperFiles, openPaperFiles, reopenSecondFeatures } from './paper-files';

/** What a run is made of: networks and images. */
export interface RunSources extends OpenPaperFiles {
  teacher: Model;
  student: Model | null;
  data: Dataset;
}

export interface SourceServices extends Pick<EngineServices, 'model'> {
  data: PageData;
}

type Report = (what: string) => (done: number, total: number) => void;

/** A user's images are copied up to this size, a network up to this many parameters. */
const MOST_DATA = 512e6;
const MOST_PARAMETERS = 100e6;
/** Free space that a copy leaves. */
const ROOM = 200e6;

/** Opens the networks and the images that a new run is asked for. Throws where one of them cannot be had. */
export async function openSources(
  request: DistilRequest,
  services: SourceServices,
  report: Report,
): Promise<RunSources> {
  const { model: teacher } = await services.model(request.teacher);
  return {
    teacher,
    student: request.student ? (await services.model(request.student)).model : null,
    data: await services.data.open(request.data, teacher.config, downloading(report)),
    ...openPaperFiles(request.paper ?? {}, request.config),
  };
}

/** What comes after the last byte takes its time too. */
const downloading = (report: Report) => (done: number, total: number) =>
  total > 0 && done >= total ? report('opening the images')(0, 0) : report('downloading images')(done, total);

/** The sources of a saved run: from the page, from beside its record, or as they were chosen again. */
export async function reopenSources(
  { request, config, kept }: RunRecord,
  folder: RunFolder,
  resume: ResumeRequest,
  services: SourceServices,
  report: Report,
): Promise<RunSources> {
  const teacher = kept.teacher
    ? await storedModel(folder, 'teacher')
    : (await services.model(resume.teacher ?? request.teacher)).model;
  const student = !request.student
    ? null
    : kept.student
      ? await storedModel(folder, 'start')
      : (await services.model(request.student)).model;
  const images = resume.files.filter((file) => !isFile(file, request.secondFeatures));
  const ref = await dataRef(request.data, kept.data, folder, images);
  const features = kept.secondFeatures ? await folder.file('features') : null;
  return {
    teacher,
    student,
    data: await services.data.open(ref, teacher.config, downloading(report)),
    ...reopenSecondFeatures(config, features, request.secondFeatures, resume.files),
  };
}

/** Copies what only the user has beside the record, where there is room; says what it did. */
export async function keepSources(
  request: DistilRequest,
  { teacher, student, secondFeatures }: RunSources,
  folder: RunFolder,
  report: Report,
): Promise<RunRecord['kept']> {
  const kept: RunRecord['kept'] = { teacher: false, student: false, data: false };
  if (request.teacher.kind === 'opened') kept.teacher = await keepModel(folder, 'teacher', teacher);
  if (student && request.student?.kind === 'opened') kept.student = await keepModel(folder, 'start', student);
  if (request.data.kind === 'files') kept.data = await keepFiles(folder, request.data.files, report);
  if (secondFeatures)
    kept.secondFeatures = await keepTensors(folder, 'features', featureTensors(secondFeatures));
  return kept;
}

/** A request as a run writes it down: of files, their paths and sizes. */
export function savedRequest(request: DistilRequest): SavedRequest {
  const { data, paper, ...rest } = request;
  const saved = { ...rest, ...(paper?.secondFeatures && { secondFeatures: named(paper.secondFeatures) }) };
  if (data.kind === 'pack') return { ...saved, data };
  const files = data.files.map((file) => ({ name: pathOf(file), bytes: file.size }));
  return { ...saved, data: { kind: 'files', name: data.name, files } };
}

/** What has to be chosen again before a run can go on, in words; null = nothing. */
export function missingSources({ request, config, kept, about }: RunRecord): string | null {
  const missing: string[] = [];
  if (request.teacher.kind === 'opened' && !kept.teacher) missing.push(`the teacher ${about.teacherName}`);
  if (request.student?.kind === 'opened' && !kept.student) missing.push('the student that it began from');
  const images = missingImages({ request, kept });
  if (images !== null) missing.push(`the images ${images}`);
  if (config.secondFeatures !== 'none' && !kept.secondFeatures)
    missing.push(`the feature network ${request.secondFeatures?.name ?? config.secondFeatures}`);
  return missing.length > 0 ? missing.join(' and ') : null;
}

const pathOf = (file: File): string => file.webkitRelativePath || file.name;

async function hasRoom(bytes: number): Promise<boolean> {
  const free = await freeBytes();
  return free === null || free > bytes + ROOM;
}

/** Float32, so that it is the network that the run began with, bit for bit. */
async function keepModel(folder: RunFolder, name: 'teacher' | 'start', model: Model): Promise<boolean> {
  return keepTensors(
    folder,
    name,
    exportWhole(model.config, model.weights, 'f32'),
    configMetadata(model.config),
  );
}

async function keepTensors(
  folder: RunFolder,
  name: 'teacher' | 'start' | 'features',
  tensors: ReadonlyMap<string, TensorData>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Promise<boolean> {
  const values = [...tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  if (values > MOST_PARAMETERS || !(await hasRoom(4 * values))) return false;
  try {
    await folder.saveFile(name, writeSafetensors({ tensors, metadata }));
    return true;
  } catch {
    return false; // the list of runs says that it has to be opened again
  }
}

async function storedModel(folder: RunFolder, name: 'teacher' | 'start'): Promise<Model> {
  const source = await folder.file(name);
  if (!source) throw lost('the network that this run began with');
  const model = modelOf(openSafetensors(source), source.name);
  return { ...model, weights: cachedWeights(model.weights) };
}

async function keepFiles(folder: RunFolder, files: readonly File[], report: Report): Promise<boolean> {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  if (total > MOST_DATA || !(await hasRoom(total))) return false;
  let done = 0;
  try {
    for (const [i, file] of files.entries())
      await writeFile(
        folder.data,
        String(i),
        counted(file, (count) => {
          done += count;
          report('keeping your images')(done, total);
        }),
      );
    return true;
  } catch {
    return false;
  }
}

async function* counted(file: File, onBytes: (count: number) => void): AsyncGenerator<Uint8Array> {
  const reader = file.stream().getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    onBytes(value.byteLength);
    yield value;
  }
}

/** The images that a saved run began with, as this browser has them or as they were chosen again. */
export async function runImages(record: RunRecord, folder: RunFolder, chosen: File[]): Promise<DataRef> {
  const missing = missingImages(record);
  if (missing !== null && chosen.length === 0)
    throw new InnateError('not-found', 'the images of this run are not kept here', {
      where: missing,
      hint: 'Choose them again',
    });
  return dataRef(record.request.data, record.kept.data, folder, chosen);
}

async function dataRef(
  data: SavedRequest['data'],
  kept: boolean,
  folder: RunFolder,
  chosen: File[],
): Promise<DataRef> {
  if (data.kind === 'pack') return data;
  if (!kept) {
    checkSame(data, chosen);
    const byName = new Map(chosen.map((file) => [pathOf(file), file]));
    return { kind: 'files', name: data.name, files: data.files.map(({ name }) => byName.get(name)!) };
  }
  const files = await Promise.all(
    data.files.map(async ({ name }, i) => {
      const file = await readFile(folder.data, String(i));
      if (!file) throw lost('the images of this run');
      return new File([file], name);
    }),
  );
  return { kind: 'files', name: data.name, files };
}

/** The order of the images decides the run: other files would not resume it. */
function checkSame(data: Extract<SavedRequest['data'], { kind: 'files' }>, chosen: readonly File[]): void {
  const found = new Map(chosen.map((file) => [pathOf(file), file.size]));
  const wrong = data.files.find(({ name, bytes }) => found.get(name) !== bytes);
  if (!wrong && chosen.length === data.files.length) return;
  throw new InnateError('mismatch', 'these are not the images that the run began with', {
    where: data.name,
    expected: `${data.files.length} files, ${wrong ? `${wrong.name} of ${wrong.bytes} bytes` : 'no others'}`,
    found: `${chosen.length} files`,
    hint: 'Choose the same images again',
  });
}

const lost = (what: string) =>
  new InnateError('not-found', `${what} is gone`, {
    hint: 'The browser cleared the data of this page; begin a new run',
  });
