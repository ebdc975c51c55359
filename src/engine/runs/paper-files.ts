import type { DistilConfig } from '../../distil/config';
import type { ClassTable } from '../../distil/discriminator';
import { blobSource } from '../../formats/source';
import { InnateError } from '../../lib/errors';
import type { WeightSource } from '../../nn/weights';
import type { NamedFile, PaperFile, PaperFileChecks, PaperFiles } from '../../protocol/paper-files';
import { openClassTable, openFeatureFile } from '../models/feature-file';

/** What a person gave of the published method, open. */
export interface OpenPaperFiles {
  secondFeatures?: WeightSource;
  classTable?: ClassTable;
}

/** Opens the files of a run that begins; throws a typed error where one is not what its run says it is. */
export function openPaperFiles(
  { secondFeatures, classTable }: PaperFiles,
  config: Pick<DistilConfig, 'secondFeatures' | 'classEmbeddings'>,
): OpenPaperFiles {
  return {
    ...(config.secondFeatures !== 'none' &&
      secondFeatures && { secondFeatures: sameNetwork(secondFeatures, config.secondFeatures) }),
    ...(config.classEmbeddings === 'table' &&
      classTable && { classTable: openClassTable(blobSource(classTable, classTable.name)) }),
  };
}

function sameNetwork(file: File, expected: DistilConfig['secondFeatures']): WeightSource {
  const { name, weights } = openFeatureFile(blobSource(file, file.name));
  if (name === expected) return weights;
  throw new InnateError('mismatch', 'the file holds another feature network than the run has', {
    where: file.name,
    expected,
    found: name,
    hint: 'Choose the file that the run began with',
  });
}

/** What a file holds, before a run: nothing of it is kept. */
export function checkPaperFile<K extends PaperFile>(file: File, kind: K): PaperFileChecks[K] {
  const source = blobSource(file, file.name);
  const found: Partial<PaperFileChecks> =
    kind === 'secondFeatures'
      ? { secondFeatures: { network: openFeatureFile(source).name } }
      : { classTable: tableSize(openClassTable(source)) };
  return found[kind] as PaperFileChecks[K];
}

const tableSize = ({ rows, dim }: ClassTable) => ({ rows, dim });

/**
 * The second feature network of a saved run, from beside its record or from the files that were chosen again. The heads
 * are saved with the run: it needs no class embeddings any more.
 */
export function reopenSecondFeatures(
  config: Pick<DistilConfig, 'secondFeatures'>,
  kept: Parameters<typeof openFeatureFile>[0] | null,
  named: NamedFile | undefined,
  chosen: readonly File[],
): OpenPaperFiles {
  if (config.secondFeatures === 'none') return {};
  if (kept) return { secondFeatures: openFeatureFile(kept).weights };
  const file = chosen.find((candidate) => isFile(candidate, named));
  if (file) return { secondFeatures: sameNetwork(file, config.secondFeatures) };
  throw new InnateError('not-found', 'the second feature network of this run is not here', {
    ...(named && { where: named.name }),
    expected: config.secondFeatures,
    hint: 'Choose its file beside the images and resume',
  });
}

/** Whether a chosen file is the one that a run was given. */
export const isFile = ({ name, size }: File, named: NamedFile | undefined): boolean =>
  named !== undefined && name === named.name && size === named.bytes;

export const named = ({ name, size }: File): NamedFile => ({ name, bytes: size });
