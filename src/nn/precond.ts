import type { NetworkConfig } from './config';
import { nearestLevel } from './iddpm';

/** D(x, sigma) = cSkip * x + cOut * F(cIn * x, cNoise): the scalars of one noise level. */
export interface PrecondCoefficients {
  cSkip: number;
  cOut: number;
  cIn: number;
  cNoise: number;
}

/**
 * Karras et al. 2022, table 1, in float64 (VPPrecond, VEPrecond, iDDPMPrecond, EDMPrecond in NVlabs/edm), and
 * the two that shift sigma so that D is exactly the identity at the last one of the schedule: GDDPrecond in
 * Zyriix/GDD, ECMPrecond in locuslab/ect.
 */
export function precondCoefficients(config: NetworkConfig, sigma: number): PrecondCoefficients {
  const sd2 = config.sigmaData ** 2;
  switch (config.precond) {
    case 'EDMPrecond':
    case 'GDDPrecond':
    case 'ECMPrecond': {
      const shifted = sigma - config.sigmaShift;
      const norm = Math.sqrt(sigma ** 2 + sd2);
      return {
        cSkip: sd2 / (shifted ** 2 + sd2),
        cOut: (shifted * config.sigmaData) / norm,
        cIn: 1 / norm,
        cNoise: Math.log(sigma) / 4,
      };
    }
    case 'VEPrecond':
      return { cSkip: 1, cOut: sigma, cIn: 1, cNoise: Math.log(0.5 * sigma) };
    case 'VPPrecond':
      return { cSkip: 1, cOut: -sigma, cIn: 1 / Math.sqrt(sigma ** 2 + 1), cNoise: vpNoise(config, sigma) };
    case 'iDDPMPrecond': {
      const { M, levels } = config.iddpm;
      const cNoise = M - 1 - nearestLevel(levels, sigma);
      return { cSkip: 1, cOut: -sigma, cIn: 1 / Math.sqrt(sigma ** 2 + 1), cNoise };
    }
  }
}

/**
 * (M - 1) t(sigma), rounded to float32 after every operation as the published code does: at 999 the positional
 * embedding shows the rounding of its argument.
 */
function vpNoise({ vp: { betaD, betaMin, M } }: NetworkConfig, sigma: number): number {
  const f = Math.fround;
  const log = f(Math.log(f(1 + f(sigma * sigma))));
  const root = f(Math.sqrt(f(f(betaMin ** 2) + f(f(2 * betaD) * log))));
  return f((M - 1) * f(f(root - f(betaMin)) / f(betaD)));
}

/** Noise levels a preconditioning supports; samplers clip their schedule to it. */
export function sigmaRange(config: NetworkConfig): { min: number; max: number } {
  if (config.precond === 'VEPrecond') return { min: 0.02, max: 100 };
  if (config.precond === 'VPPrecond') {
    const { betaD, betaMin } = config.vp;
    const at = (t: number) => Math.sqrt(Math.expm1(0.5 * betaD * t ** 2 + betaMin * t));
    return { min: at(1e-5), max: at(1) };
  }
  if (config.precond === 'iDDPMPrecond') {
    const { M, levels } = config.iddpm;
    return { min: levels[M - 1]!, max: levels[0]! };
  }
  return { min: 0, max: Number.POSITIVE_INFINITY };
}

/** The noise level that a schedule of EDM's sampler gets in place of `sigma`: the nearest one the network has. */
export function roundSigma(config: NetworkConfig, sigma: number): number {
  if (config.precond !== 'iDDPMPrecond') return sigma;
  const { levels } = config.iddpm;
  return levels[nearestLevel(levels, Math.fround(sigma))]!;
}
