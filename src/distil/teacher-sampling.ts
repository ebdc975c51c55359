import { SIGMAS } from '../lib/noise-levels';
import type { NetworkConfig } from '../nn/config';
import { clipSigmas, type HeunOptions } from '../nn/samplers';
import type { DistilConfig } from './config';

/** How the teacher makes the images that imitation regresses: Heun from the student's start, at levels that the teacher has. */
export function teacherSampling(
  teacher: NetworkConfig,
  { imitationSteps, startSigma }: Pick<DistilConfig, 'imitationSteps' | 'startSigma'>,
): HeunOptions {
  return clipSigmas(teacher, { steps: imitationSteps, sigmaMin: SIGMAS.min, sigmaMax: startSigma });
}
