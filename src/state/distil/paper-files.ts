import { type DistilConfig, type FileFeature, isAdversarial, type PresetName } from '../../distil/config';
import type { PaperFile, PaperFileChecks, PaperFiles } from '../../protocol/paper-files';
import type { ModelFacts } from '../models';

/** A file of the published method that a person gave. */
export interface GivenFile<K extends PaperFile = PaperFile> {
  file: File;
  /** What a look at it found; null while it is looked, or where it is something else. */
  check: PaperFileChecks[K] | null;
  /** Why it cannot be used. */
  error: string | null;
}

export type GivenFiles = { [K in PaperFile]: GivenFile<K> | null };

export const NO_FILES: GivenFiles = { secondFeatures: null, classTable: null };

export const NETWORK_NAMES: Record<FileFeature, string> = {
  'vgg16-bn': 'VGG16-BN',
  'deit-distilled': 'DeiT-B distilled',
};

/** Which files a run of these settings takes: the paper's presets alone ask for them. */
export function wantedFiles(
  preset: PresetName,
  { method, heads }: Pick<DistilConfig, 'method' | 'heads'>,
  teacher: Pick<ModelFacts, 'labelDim'> | null,
): PaperFile[] {
  if (!preset.startsWith('paper') || !isAdversarial(method)) return [];
  return heads === 'paper' && teacher && teacher.labelDim > 0
    ? ['secondFeatures', 'classTable']
    : ['secondFeatures'];
}

/** What the files that a run takes change of its configuration. */
export function fileConfig(
  given: GivenFiles,
  wanted: readonly PaperFile[],
): Partial<Pick<DistilConfig, 'secondFeatures' | 'classEmbeddings'>> {
  const { secondFeatures, classTable } = given;
  return {
    ...(wanted.includes('secondFeatures') &&
      secondFeatures?.check && { secondFeatures: secondFeatures.check.network }),
    ...(wanted.includes('classTable') && classTable?.check && { classEmbeddings: 'table' }),
  };
}

/** The files that go along with a request. */
export function filesOf(given: GivenFiles, wanted: readonly PaperFile[]): PaperFiles {
  const files: PaperFiles = {};
  for (const kind of wanted) if (given[kind]?.check) files[kind] = given[kind].file;
  return files;
}

/**
 * The files that a configuration names: those that are kept, else those that a person has given since and that hold the
 * same; null where one is missing.
 */
export function filesFor(
  { secondFeatures, classEmbeddings }: Pick<DistilConfig, 'secondFeatures' | 'classEmbeddings'>,
  kept: PaperFiles,
  given: GivenFiles,
): PaperFiles | null {
  const files: PaperFiles = {};
  if (secondFeatures !== 'none') {
    const again = given.secondFeatures?.check?.network === secondFeatures ? given.secondFeatures.file : null;
    const file = kept.secondFeatures ?? again;
    if (!file) return null;
    files.secondFeatures = file;
  }
  if (classEmbeddings === 'table') {
    const file = kept.classTable ?? (given.classTable?.check ? given.classTable.file : null);
    if (!file) return null;
    files.classTable = file;
  }
  return files;
}

/** What of the files stands in the way of a start, in a sentence; null = nothing. */
export function fileObstacle(
  given: GivenFiles,
  wanted: readonly PaperFile[],
  teacher: Pick<ModelFacts, 'labelDim'>,
): string | null {
  for (const kind of wanted) {
    const file = given[kind];
    if (file?.error) return `${file.file.name} cannot be used: choose another file, or none.`;
    if (file && !file.check) return `${file.file.name} is being looked at.`;
  }
  const rows = wanted.includes('classTable') ? given.classTable?.check?.rows : undefined;
  return rows !== undefined && rows < teacher.labelDim
    ? `The table of class embeddings has ${rows} rows, the teacher ${teacher.labelDim} classes.`
    : null;
}
