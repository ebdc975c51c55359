import { SIGMAS } from './noise-levels';

/** How noise becomes an image: the page, the command line and the engine name and count it alike. */

export type SamplerName = 'one-step' | 'two-step' | 'heun';
export const SAMPLER_NAMES: readonly SamplerName[] = ['one-step', 'two-step', 'heun'];

/**
 * Noise level at which generation starts where a model does not say otherwise: the noise is multiplied by it, and the
 * first evaluation is told so. EDM and the one-step students of GDD, DMD2 and ECT start here.
 */
export const START_SIGMA = SIGMAS.max;

/** Noise level of the second of two evaluations where nobody says another: train.py --middle-sigma of Zyriix/D2O. */
export const SIGMA_MID = 0.8;

/** How a model makes an image unless somebody asks otherwise. */
export interface ModelSampling {
  /** Noise level at which it starts: the first evaluation's. */
  sigma: number;
  /** Noise level of a two-step student's second evaluation; null = it has one evaluation. */
  sigmaMid: number | null;
}

/** The sampler that a model was made for, as far as it says: a teacher's is Heun, which its role tells. */
export const ownSampler = ({ sigmaMid }: Pick<ModelSampling, 'sigmaMid'>): 'one-step' | 'two-step' =>
  sigmaMid === null ? 'one-step' : 'two-step';

/** A person's choice of a sampler as it is kept; null = the model's own. */
export const chosenSampler = (
  sampler: SamplerName,
  model: Pick<ModelSampling, 'sigmaMid'>,
): SamplerName | null => (sampler === ownSampler(model) ? null : sampler);

/** What a person may choose: noise levels of the first evaluation, and numbers of Heun steps. */
export const SIGMA = { min: 0.1, max: 200 } as const;
/** What the noise may be multiplied by: 0 leaves the mean image, above 1 images grow wilder than the model's own. */
export const TEMPERATURE = { min: 0, max: 2 } as const;
export const MIN_STEPS = 2;
export const MAX_STEPS = 200;

/** Heun steps of Karras et al. 2022: 18 (35 evaluations) for networks up to 32x32, 40 (79) above. */
export const defaultSteps = (resolution: number): number => (resolution > 32 ? 40 : 18);

/** Network evaluations that an image costs; `steps` counts for 'heun' alone. */
export const evaluations = ({ sampler, steps }: { sampler: SamplerName; steps: number }): number =>
  sampler === 'one-step' ? 1 : sampler === 'two-step' ? 2 : 2 * steps - 1;
