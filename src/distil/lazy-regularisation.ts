import type { DistilConfig } from './config';

/**
 * Lazy regularisation (Karras et al. 2020): the R1 step is one of the discriminator's in r1Every + 1, so its other steps count
 * for that much less, in the rate and in what the second moments keep.
 */
const share = ({ r1Gamma, r1Every }: Pick<DistilConfig, 'r1Gamma' | 'r1Every'>): number =>
  r1Gamma > 0 ? r1Every / (r1Every + 1) : 1;

/** The discriminator's learning rate at all its steps, R1's too. */
export const discriminatorRate = (config: DistilConfig): number => config.discriminatorRate * share(config);

/** Adam's betas of the discriminator. */
export const discriminatorBetas = (config: DistilConfig): { beta1: number; beta2: number } => ({
  beta1: 0,
  beta2: 0.99 ** share(config),
});

/** Whether R1 is due in an iteration: never in the first. */
export const r1IsDue = ({ r1Gamma, r1Every }: DistilConfig, iteration: number): boolean =>
  r1Gamma > 0 && iteration > 0 && iteration % r1Every === 0;

/** R1 steps of that many whole iterations. */
export const r1StepsOf = ({ r1Gamma, r1Every }: DistilConfig, iterations: number): number =>
  r1Gamma > 0 ? Math.max(0, Math.ceil(iterations / r1Every) - 1) : 0;
