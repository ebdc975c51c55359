import type { LayersInput } from '../../protocol/layers';
import { coverage, sigmaText } from '../../state/layers/summary';
import type { MapQuantity, Scale } from '../../state/layers/view';
import type { Findings } from './types';

export interface QuantityWords {
  name: string;
  /** A short name, beside the legend's numbers. */
  short: string;
  /** What it means, in a sentence. */
  means: string;
}

export const QUANTITY_WORDS: Record<MapQuantity, QuantityWords> = {
  rms: {
    name: 'Strength of the output (RMS)',
    short: 'RMS',
    means: 'How large a block’s output is: the root mean square of its values.',
  },
  residual: {
    name: 'What the block adds',
    short: 'added ÷ passed on',
    means: 'How much a block adds, compared with what it passes on unchanged.',
  },
  change: {
    name: 'Change from the sigma before',
    short: 'mean |change|',
    means:
      'How much a block’s output changes from one column to the next: it is large where the block is busy.',
  },
  active: {
    name: 'Share of active channels',
    short: 'active channels',
    means: 'The share of channels at least half as strong as their block.',
  },
  entropy: {
    name: 'Attention entropy',
    short: 'entropy ÷ maximum',
    means:
      'How widely attention looks: 0 is one pixel, 1 is all pixels equally. Only blocks with attention have it.',
  },
  frequency: {
    name: 'Frequency of what it adds',
    short: 'cycles an image',
    means:
      'Whether a block adds coarse or fine detail: the mean frequency of its contribution. 1 means one wave across the image.',
  },
};

export const INPUT_WORDS: Record<LayersInput, { name: string; means: string }> = {
  noised: { name: 'Noised real', means: 'A real image plus noise of that sigma' },
  trajectory: { name: 'Trajectory', means: 'What the teacher’s sampler has at that sigma' },
  noise: { name: 'Noise', means: 'Noise of that sigma alone' },
};

export const SCALE_WORDS: Record<Scale, { name: string; means: string }> = {
  row: { name: 'Row', means: 'Each row from its own lowest to its own highest value' },
  level: { name: 'Level', means: 'Blocks of one resolution share a scale from 0' },
  global: { name: 'Global', means: 'All blocks share a scale from 0' },
};

/** Where the numbers of a map come from: "Measured here on wasm (2 threads), 8 images.", or how many there are. */
export function originText(findings: Findings, measuring: boolean): string {
  const { backend, source } = findings;
  const { levels, sigmas, images, wanted, whole, first } = coverage(findings);
  if (source === 'beforehand') return `Measured beforehand, ${imagesText(images)}.`;
  if (whole) return `Measured here on ${backend}, ${imagesText(images)}.`;
  const part =
    images === 0
      ? `a first look at ${imagesText(first)}`
      : levels < sigmas
        ? `${levels} of ${sigmas} sigmas`
        : `${images} of ${wanted} images`;
  return measuring
    ? `Being measured on ${backend}: ${part} so far.`
    : `Stopped: ${part}, measured here on ${backend}.`;
}

export const imagesText = (count: number): string => `${count} ${count === 1 ? 'image' : 'images'}`;

export const percentText = (share: number): string =>
  `${share < 0.1 && share > 0 ? (100 * share).toFixed(1) : Math.round(100 * share)} %`;

/** A sigma as short as a column is narrow: "80", "5.3", ".59", ".008". */
export const axisText = (sigma: number): string =>
  (sigma < 0.01 ? String(Number(sigma.toPrecision(1))) : sigmaText(sigma)).replace(/^0\./, '.');
