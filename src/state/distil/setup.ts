import { fitMicroBatch, leastShare } from '../../distil/batch-memory';
import {
  DEFAULT_PRESET,
  type DistilConfig,
  featuresOf,
  isAdversarial,
  PRESETS,
  type PresetName,
  partSize,
  samplingConfig,
} from '../../distil/config';
import { checkConfig } from '../../distil/config-checks';
import { distancesDue, referenceImages, samplingsDue } from '../../distil/schedule';
import { asInnateError } from '../../lib/errors';
import type { DataCheck, DistilRequest, RunAbout, StepEstimate } from '../../protocol/distil';
import type { PaperFile } from '../../protocol/paper-files';
import type { ModelFacts } from '../models';
import { fittingPack, misfit, type SamplePack } from './packs';
import { fileConfig, fileObstacle, filesOf, type GivenFiles, NO_FILES, wantedFiles } from './paper-files';

/** What a person chose for the next run; null = what fits the teacher. */
export interface DistilSetup {
  teacher: string | null;
  /** Go on from this student; null = from the teacher's weights. */
  student: string | null;
  /** Id of a sample pack, or the user's own files. */
  data: string | 'own' | null;
  own: OwnData | null;
  preset: PresetName | null;
  /** Files of the published method; presets of the paper take them. */
  given: GivenFiles;
  /** What differs from the preset. */
  changes: Partial<DistilConfig>;
  /** Steps between samples; null = often enough to watch. */
  sampleEvery: number | null;
  /** Images for a Fréchet distance; 0 = not measured, null = as many as the machine makes in moments. */
  measureImages: number | null;
  /** Images of training between distances; null = sixteen over the run. */
  measureEvery: number | null;
}

export interface OwnData {
  files: File[];
  name: string;
  /** What a look at them found; null while it is looked, or where they cannot be read. */
  check: DataCheck | null;
  /** Why they cannot be used. */
  error: string | null;
}

export const NEW_SETUP: DistilSetup = {
  teacher: null,
  student: null,
  data: null,
  own: null,
  preset: null,
  given: NO_FILES,
  changes: {},
  sampleEvery: null,
  measureImages: null,
  measureEvery: null,
};

/** The teacher that trains fastest: one press of Start shows what this is about. */
const DEFAULT_TEACHER = 'fashion-mnist-32x32-teacher';

/** Seeds of the samples: enough to see variety, few enough to make between steps. */
const SAMPLE_SEEDS = 12;

/** Snapshots that a run keeps. */
export const MAX_SNAPSHOTS = 60;

/** Samplings over a run; the snapshots are thinned. */
const SAMPLINGS = 160;

/** Distances over a run. */
const MEASUREMENTS = 16;

/** Images of a distance: cheap enough to be taken on a processor too. */
const MEASURE = { fast: 500, slow: 128 };

/** Teachers of the catalogue, and opened files that do not say that they are students. */
export const teachersAmong = (models: readonly ModelFacts[]): ModelFacts[] =>
  models.filter((m) => m.role === 'teacher' || (m.role === 'unknown' && m.ref.kind === 'opened'));

/** Networks of the teacher's shape that a run can go on from. */
export const studentsFor = (models: readonly ModelFacts[], teacher: ModelFacts): ModelFacts[] =>
  models.filter(
    (m) =>
      m.role !== 'teacher' &&
      m.key !== teacher.key &&
      m.resolution === teacher.resolution &&
      m.channels === teacher.channels &&
      m.labelDim === teacher.labelDim &&
      m.parameters === teacher.parameters,
  );

/** A setup with every default filled in. */
export interface SettledSetup {
  teacher: ModelFacts | null;
  student: ModelFacts | null;
  pack: SamplePack | null;
  own: OwnData | null;
  preset: PresetName;
  given: GivenFiles;
  /** Which of them the run takes. */
  wanted: readonly PaperFile[];
  /** The preset as it is, to go back to. */
  base: DistilConfig;
  config: DistilConfig;
  sampleEvery: number;
  measureImages: number;
  measureEvery: number;
  /** What the last two are when nobody changes them. */
  usual: { measureImages: number; measureEvery: number };
}

export function settleSetup(
  setup: DistilSetup,
  models: readonly ModelFacts[],
  packs: readonly SamplePack[],
  /** A hardware GPU: distances on more images cost moments there. */
  fast = false,
): SettledSetup {
  const teachers = teachersAmong(models);
  const teacher =
    teachers.find((m) => m.key === setup.teacher) ??
    teachers.find((m) => m.key === DEFAULT_TEACHER) ??
    teachers[0] ??
    null;
  const own = setup.data === 'own' ? setup.own : null;
  const chosen = packs.find((p) => p.id === setup.data);
  const pack =
    own || !teacher ? null : chosen && !misfit(chosen, teacher) ? chosen : fittingPack(packs, teacher);
  const preset = setup.preset ?? DEFAULT_PRESET;
  const method = setup.changes.method ?? PRESETS[preset].method;
  const student = (teacher && studentsFor(models, teacher).find((m) => m.key === setup.student)) ?? null;
  // One that goes on from a student makes images as that one does.
  const ready: DistilConfig = { ...PRESETS[preset], method };
  const base: DistilConfig = { ...ready, ...(student && samplingConfig(student, ready)) };
  const asSet = { ...base, ...setup.changes };
  const wanted = wantedFiles(preset, asSet, teacher);
  const config = { ...asSet, ...fileConfig(setup.given, wanted) };
  const usual = {
    measureImages: fast ? MEASURE.fast : MEASURE.slow,
    measureEvery: Math.max(config.batch, Math.ceil(config.images / MEASUREMENTS)),
  };
  return {
    teacher,
    student,
    pack,
    own,
    preset,
    given: setup.given,
    wanted,
    base,
    config,
    sampleEvery: setup.sampleEvery ?? defaultSampleEvery(config),
    measureImages: setup.measureImages ?? usual.measureImages,
    measureEvery: setup.measureEvery ?? usual.measureEvery,
    usual,
  };
}

/** Steps between samples: more than a run keeps, so that the first changes are seen soon. */
export const defaultSampleEvery = ({ images, batch }: Pick<DistilConfig, 'images' | 'batch'>): number =>
  Math.max(1, Math.ceil(images / batch / SAMPLINGS));

/** The setup after a number is changed; back to the preset's own is no change at all. */
export function changed(setup: DistilSetup, base: DistilConfig, changes: Partial<DistilConfig>): DistilSetup {
  const next: Record<string, unknown> = { ...setup.changes, ...changes };
  for (const key of Object.keys(next) as (keyof DistilConfig)[])
    if (key !== 'method' && next[key] === base[key]) delete next[key];
  return { ...setup, changes: next };
}

/** What stands in the way of a start, in a sentence; null = nothing. */
export function obstacle(settled: SettledSetup): string | null {
  const { teacher, pack, config } = settled;
  if (!teacher) return 'Open a diffusion teacher to begin.';
  if (!pack && !settled.own)
    return teacher.labelDim > 0
      ? `No sample pack has the ${teacher.labelDim} classes of this teacher: choose your own images, a zip with labels.`
      : 'Choose images to learn from.';
  const own = pack ? null : ownObstacle(settled, teacher);
  if (own) return own;
  const file = fileObstacle(settled.given, settled.wanted, teacher);
  if (file) return file;
  try {
    checkConfig(config);
  } catch (error) {
    return `${asInnateError(error, 'bad-argument').describe()}.`;
  }
  return null;
}

function ownObstacle({ own }: SettledSetup, teacher: ModelFacts): string | null {
  if (!own) return null;
  if (own.error) return own.error;
  if (!own.check) return 'Your images are being looked at.';
  const reason = misfit({ classes: classesOf(own.check) }, teacher);
  return reason && `${own.name}: ${reason.charAt(0).toLowerCase()}${reason.slice(1)}.`;
}

/** As many classes as a set has, named or not; null = none. */
const classesOf = ({ labelDim, classes }: DataCheck): string[] | null =>
  labelDim === 0 ? null : (classes ?? Array.from({ length: labelDim }, (_, i) => String(i)));

/** Teachers that can learn from a person's images where the chosen one cannot; those of the images' channels first. */
export function teachersForOwn(
  { own, teacher }: SettledSetup,
  models: readonly ModelFacts[],
): readonly ModelFacts[] {
  const check = own?.check;
  if (!check || !teacher || misfit({ classes: classesOf(check) }, teacher) === null) return [];
  return teachersAmong(models)
    .filter((model) => misfit({ classes: classesOf(check) }, model) === null)
    .sort((a, b) => Number(b.channels === check.channels) - Number(a.channels === check.channels));
}

/** The engine's request; null where something stands in the way. */
export function distilRequest(
  settled: SettledSetup,
  { id, number }: Pick<RunAbout, 'id' | 'number'>,
): DistilRequest | null {
  const { teacher, student, pack, own, config, sampleEvery, measureImages, measureEvery } = settled;
  const { given, wanted } = settled;
  if (!teacher || obstacle(settled)) return null;
  return {
    about: {
      id,
      number,
      name: `${studentName(teacher.name)}, run ${number}`,
      teacherKey: teacher.key,
      teacherName: teacher.name,
      dataName: own?.name ?? pack!.name,
      resolution: teacher.resolution,
      classes: teacher.classes,
      licence: teacher.licence,
    },
    teacher: teacher.ref,
    student: student?.ref ?? null,
    data: own ? { kind: 'files', files: own.files, name: own.name } : { kind: 'pack', id: pack!.id },
    ...(wanted.length > 0 && { paper: filesOf(given, wanted) }),
    config,
    sampleSeeds: Array.from({ length: SAMPLE_SEEDS }, (_, i) => i),
    sampleEvery,
    measureImages,
    measureEvery,
  };
}

/** "Clothes, diffusion teacher" teaches "Clothes student". */
export const studentName = (teacher: string): string =>
  `${teacher.replace(/,.*$/s, '').replace(/\.(pkl|pt|pth|bin|safetensors)$/i, '')} student`;

/** What a measured step holds for: everything but the number of images and their parts, which only scale it. */
export function estimateKey(
  { teacher, config }: SettledSetup,
  backend: { name: string; label: string } | null,
): string {
  const { method, freeze, secondFeatures, featureSize, heads, headWidth, imitationSteps, nfe } = config;
  return JSON.stringify([
    teacher?.key,
    method,
    nfe,
    freeze,
    featuresOf(config),
    featureSize,
    isAdversarial(method) ? [secondFeatures, heads, headWidth] : imitationSteps,
    backend?.name,
    backend?.label,
  ]);
}

type CostOptions = Pick<SettledSetup, 'config' | 'sampleEvery' | 'measureImages' | 'measureEvery'>;

/** Seconds and bytes of a run as it is set, samples and distances included, from what was measured. */
export function costOf(
  estimate: StepEstimate,
  { config, sampleEvery, measureImages, measureEvery }: CostOptions,
): { seconds: number; bytes: number; fits: boolean; smaller: number | null } {
  const { secondsPerStep, secondsPerImage, fixedBytes, bytesPerImage, limitBytes } = estimate;
  const { images, batch } = config;
  // As the run takes them: the whole batch only where it may.
  const { microBatch } = fitMicroBatch(config, estimate.resolution, estimate.backend);
  const steps = Math.ceil(images / batch);
  const distances = measureImages > 0 ? distancesDue(0, images, measureEvery, images) : 0;
  const made = SAMPLE_SEEDS * (1 + samplingsDue(0, steps, sampleEvery)) + (distances + 1) * measureImages;
  // The teacher and held-out images are compared once, and so are the real ones that all refer to.
  const compared = distances > 0 ? (distances + 2) * measureImages + referenceImages(measureImages) : 0;
  // What does not fit is recomputed, as far as that goes.
  const at = (part: number, share = leastShare(config)) => fixedBytes + share * bytesPerImage * part;
  const whole = partSize({ ...config, microBatch });
  const fits = limitBytes === null || at(whole) <= limitBytes;
  // The largest power of two that leaves a tenth free.
  let smaller = 1;
  while (limitBytes !== null && smaller * 2 < whole && at(smaller * 2) <= 0.9 * limitBytes) smaller *= 2;
  return {
    seconds:
      steps * secondsPerStep +
      images * secondsPerImage +
      made * estimate.secondsPerSample +
      compared * estimate.secondsPerCompared,
    bytes: Math.min(at(whole, 1), Math.max(at(whole), limitBytes ?? Number.POSITIVE_INFINITY)),
    fits,
    smaller: fits || smaller < 2 ? null : smaller,
  };
}

/** Below so many images of a person's own, DiffAugment is offered. */
export const FEW_IMAGES = 5_000;

/** How many images of their own a person has, where a discriminator learns from them and they are few; else null. */
export const fewImages = ({ own, config }: Pick<SettledSetup, 'own' | 'config'>): number | null =>
  own?.check && own.check.size < FEW_IMAGES && isAdversarial(config.method) ? own.check.size : null;

/** What a choice of files is called. */
export const ownData = (files: readonly File[]): OwnData => ({
  files: [...files],
  name: files.length === 1 ? files[0]!.name : `${files.length} files`,
  check: null,
  error: null,
});
