import { START_SIGMA } from '../../lib/sampling';
import type { SigmaSource } from '../../protocol/models';

/** Where SiD, SiDA and SiD2A start (init_sigma of sid_generate.py). Nothing in their files says so. */
export const SID_SIGMA = 2.5;

/** Beyond every schedule in use: a larger number in a file is a mistake. */
const LARGEST = 10_000;

/** A name that states a lower level means another sigma (sigma_data 0.5): no noise to start from is left there. */
const SMALLEST_NAMED = 1;

const baseName = (path: string): string => path.replace(/^.*[/\\]/s, '');

function statedSigma(name: string): number | null {
  const sigma = readSigma(/(?:^|[^a-z])sigma[-_=]?(\d+(?:\.\d+)?)(?![a-z0-9])/i.exec(name)?.[1] ?? '');
  return sigma !== null && sigma >= SMALLEST_NAMED ? sigma : null;
}

/**
 * The start sigma that a file's name gives away; null where it says nothing. The level itself (gdd-i-sigma2.5.pt);
 * `sid`, `sida` or `sid2a` as a word of the name; or the form of SiD's own snapshots, which carry alpha before the
 * number of images (network-snapshot-1.200000-403968.pkl; EDM's have one number only).
 */
export function sigmaOfName(path: string): number | null {
  const name = baseName(path);
  const stated = statedSigma(name);
  if (stated !== null) return stated === START_SIGMA ? null : stated;
  const named = /(^|[^a-z])sid(2?a)?(?![a-z0-9])/i.test(name);
  const snapshot = /^network-snapshot-\d+\.\d+-\d+/i.test(name);
  return named || snapshot ? SID_SIGMA : null;
}

/** A start sigma as .safetensors metadata says it (key `sigma`, a decimal number); null where it is none. */
export function readSigma(text: string): number | null {
  const value = /^\d+(\.\d*)?$/.test(text.trim()) ? Number(text) : Number.NaN;
  return value > 0 && value <= LARGEST ? value : null;
}

/** Metadata of a converted file whose start sigma was a guess: `name` or `unsaid`. A guess stays one through conversions. */
export const SIGMA_FROM = 'sigma_from';

/** How the start sigma of an opened file is known. */
export function sigmaSource(metadata: ReadonlyMap<string, string>, name: string): SigmaSource {
  if (readSigma(metadata.get('sigma') ?? '') !== null) return guessOf(metadata) ?? 'file';
  return sigmaOfName(name) !== null && !metadata.has('sigma') ? 'name' : 'unsaid';
}

const guessOf = (metadata: ReadonlyMap<string, string>): 'name' | 'unsaid' | null => {
  const from = metadata.get(SIGMA_FROM);
  return from === 'name' || from === 'unsaid' ? from : null;
};

/**
 * Noise level at which a model starts: what was asked for (the catalogue, a person), else what its file says, else
 * what the file's name gives away, else 80. `notes` get a sentence about whatever was guessed or ignored.
 */
export function startSigma(
  asked: number | undefined,
  metadata: ReadonlyMap<string, string>,
  name: string,
  notes: string[],
): number {
  if (asked !== undefined) return asked;
  const text = metadata.get('sigma');
  if (text !== undefined) {
    const said = readSigma(text);
    if (said !== null) {
      const from = metadata.get('converted_from');
      if (guessOf(metadata) === 'name') notes.push(guess(said, from ?? name, from && `the name ${from}`));
      return said;
    }
    notes.push(`the start sigma that the file names is not a usable number: ${START_SIGMA} taken`);
    return START_SIGMA;
  }
  const guessed = sigmaOfName(name);
  if (guessed === null) return START_SIGMA;
  notes.push(guess(guessed, name));
  return guessed;
}

const guess = (sigma: number, name: string, from = "the file's name"): string =>
  `one step starts at sigma ${sigma}, guessed from ${from}${statedSigma(baseName(name)) === null ? ' (SiD)' : ''}; --sigma ${START_SIGMA} starts where others do`;
