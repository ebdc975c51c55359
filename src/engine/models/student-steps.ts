import { type ModelSampling, SIGMA_MID } from '../../lib/sampling';
import { readSigma } from './start-sigma';

/**
 * Noise level of a two-step student's second evaluation: what was asked for (the catalogue, a person), else what its
 * file says: `nfe` 2, with `sigma_mid` as a decimal number. Null for every other model; the number of evaluations that
 * a teacher is sampled with is no property of its weights. `notes` get a sentence where the file's number is missing.
 */
export function middleSigma(
  asked: number | undefined,
  metadata: ReadonlyMap<string, string>,
  notes: string[],
): number | null {
  if (asked !== undefined) return asked;
  if (metadata.get('nfe')?.trim() !== '2') return null;
  const said = readSigma(metadata.get('sigma_mid') ?? '');
  if (said === null)
    notes.push(
      `a two-step student whose file does not say a usable sigma of the second step: ${SIGMA_MID} taken`,
    );
  return said ?? SIGMA_MID;
}

/** What the file of a student says of its sampling; `middleSigma` and `startSigma` read it back. */
export const samplingMetadata = ({ sigma, sigmaMid }: ModelSampling): [key: string, value: string][] => [
  ['sigma', String(sigma)],
  ['nfe', sigmaMid === null ? '1' : '2'],
  ...(sigmaMid === null ? [] : [['sigma_mid', String(sigmaMid)] as [string, string]]),
];
