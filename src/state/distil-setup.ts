import {
  checkConfig,
  type DistilConfig,
  defaultPreset,
  type FeatureName,
  type Method,
  PRESETS,
  type PresetName,
} from '../distil/config';
import type { DistilRequest } from '../engine/distil-protocol';
import { asInnateError } from '../lib/errors';
import { MAX_SEED } from '../rng/seeds';
import type { ModelFacts } from './models';
import { fittingPack, misfit, type SamplePack } from './packs';

/** What a person chose for the next run; null = what fits the teacher. */
export interface DistilSetup {
  teacher: string | null;
  /** Go on from this student; null = from the teacher's weights. */
  student: string | null;
  /** Id of a sample pack, or the user's own files. */
  data: string | 'own' | null;
  own: OwnData | null;
  preset: PresetName | null;
  /** What differs from the preset. */
  changes: Partial<DistilConfig>;
  /** Steps between samples; null = often enough to watch. */
  sampleEvery: number | null;
  /** Images for a Fréchet distance; 0 = not measured. */
  measureImages: number;
}

export interface OwnData {
  files: File[];
  name: string;
}

export const NEW_SETUP: DistilSetup = {
  teacher: null,
  student: null,
  data: null,
  own: null,
  preset: null,
  changes: {},
  sampleEvery: null,
  measureImages: 0,
};

/** The teacher that trains fastest: one press of Start shows what this is about. */
export const DEFAULT_TEACHER = 'fashion-mnist-32x32-teacher';

/** Seeds of the samples: enough to see variety, few enough to make between steps. */
export const SAMPLE_SEEDS = 12;

/** Snapshots that a run keeps. */
export const MAX_SNAPSHOTS = 60;

/** Samplings over a run; the snapshots are thinned. */
const SAMPLINGS = 160;

/** Distances over a run. */
const MEASUREMENTS = 8;

export const METHODS: readonly Method[] = ['gdd-i', 'gdd', 'imitation'];
export const METHOD_NAMES: Record<Method, string> = { 'gdd-i': 'GDD-I', gdd: 'GDD', imitation: 'Imitation' };

export const FEATURE_NAMES: Record<FeatureName, string> = {
  'efficientnet-lite0': 'EfficientNet-Lite0',
  'teacher-encoder': 'Teacher’s encoder',
  'mobilenet-v1-0.25': 'MobileNet v1 0.25',
};

export const PRESET_NAMES: Record<PresetName, string> = {
  small: 'Small GPU',
  'small-encoder': 'Small, teacher’s encoder',
  'paper-cifar10': 'Paper, CIFAR-10',
  'paper-faces': 'Paper, faces',
  'paper-imagenet': 'Paper, ImageNet',
};

type NumberKey = {
  [K in keyof DistilConfig]: DistilConfig[K] extends number ? K : never;
}[keyof DistilConfig];

export interface ConfigField {
  key: NumberKey;
  label: string;
  /** Beside the label. */
  range: string;
  min: number;
  max: number;
  whole?: boolean;
  /** A learning rate or a weight: written as 2e-4. */
  small?: boolean;
  /** Methods that use it; all where it is left out. */
  methods?: readonly Method[];
}

const ADVERSARIAL: readonly Method[] = ['gdd-i', 'gdd'];

/** The numbers one changes first. */
export const FIELDS: readonly ConfigField[] = [
  { key: 'images', label: 'Images', range: 'up to 10 M', min: 1, max: 10_000_000, whole: true },
  { key: 'batch', label: 'Batch', range: '2 to 512', min: 2, max: 512, whole: true },
  { key: 'generatorRate', label: 'Generator rate', range: '1e-6 to 1e-2', min: 1e-6, max: 1e-2, small: true },
  {
    key: 'discriminatorRate',
    label: 'Discriminator rate',
    range: '1e-6 to 1e-2',
    min: 1e-6,
    max: 1e-2,
    small: true,
    methods: ADVERSARIAL,
  },
  { key: 'emaHalfLife', label: 'EMA half-life', range: 'images', min: 0, max: 100_000_000, whole: true },
  {
    key: 'r1Gamma',
    label: 'R1 gamma',
    range: '0 is off',
    min: 0,
    max: 100,
    small: true,
    methods: ADVERSARIAL,
  },
  {
    key: 'imitationSteps',
    label: 'Teacher’s steps',
    range: '2 to 100',
    min: 2,
    max: 100,
    whole: true,
    methods: ['imitation'],
  },
  { key: 'seed', label: 'Seed', range: 'of the run', min: 0, max: MAX_SEED, whole: true },
];

export const fieldsOf = (method: Method): ConfigField[] =>
  FIELDS.filter((field) => field.methods?.includes(method) ?? true);

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
  /** The preset as it is, to go back to. */
  base: DistilConfig;
  config: DistilConfig;
  sampleEvery: number;
}

export function settleSetup(
  setup: DistilSetup,
  models: readonly ModelFacts[],
  packs: readonly SamplePack[],
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
  const preset = setup.preset ?? (teacher ? defaultPreset(teacher.resolution, teacher.channels) : 'small');
  const method = setup.changes.method ?? PRESETS[preset].method;
  const base: DistilConfig = { ...PRESETS[preset], method };
  const config = { ...base, ...setup.changes };
  return {
    teacher,
    student: (teacher && studentsFor(models, teacher).find((m) => m.key === setup.student)) ?? null,
    pack,
    own,
    preset,
    base,
    config,
    sampleEvery: setup.sampleEvery ?? defaultSampleEvery(config),
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
export function obstacle({ teacher, pack, own, config }: SettledSetup): string | null {
  if (!teacher) return 'Open a diffusion teacher to begin.';
  if (!pack && !own)
    return teacher.labelDim > 0
      ? `No sample pack has the ${teacher.labelDim} classes of this teacher: choose your own images, a zip with labels.`
      : 'Choose images to learn from.';
  try {
    checkConfig(config);
  } catch (error) {
    return `${asInnateError(error, 'bad-argument').describe()}.`;
  }
  return null;
}

/** The engine's request; null where something stands in the way. */
export function distilRequest(setup: DistilSetup, settled: SettledSetup): DistilRequest | null {
  const { teacher, student, pack, own, config, sampleEvery } = settled;
  if (!teacher || obstacle(settled)) return null;
  return {
    teacher: teacher.ref,
    student: student?.ref ?? null,
    data: own ? { kind: 'files', files: own.files, name: own.name } : { kind: 'pack', id: pack!.id },
    config,
    sampleSeeds: Array.from({ length: SAMPLE_SEEDS }, (_, i) => i),
    sampleEvery,
    measureImages: setup.measureImages,
    measureEvery: Math.max(config.batch, Math.ceil(config.images / MEASUREMENTS)),
  };
}

const DATA_FILE = /\.(zip|npz|png|jpe?g|webp|gz|tar|bin)$/i;

/** Whether dropped files are images to learn from rather than a checkpoint. */
export const areImages = (files: readonly { name: string }[]): boolean =>
  files.length > 0 &&
  files.every(({ name }) => DATA_FILE.test(name)) &&
  // A lone .bin is a checkpoint's name; a batch of CIFAR-10 says so.
  files.every(({ name }) => !/\.bin$/i.test(name) || /batch/i.test(name));

/** What a choice of files is called. */
export const ownData = (files: readonly File[]): OwnData => ({
  files: [...files],
  name: files.length === 1 ? files[0]!.name : `${files.length} files`,
});
