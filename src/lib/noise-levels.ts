import { InnateError } from './errors';

/**
 * Descending noise levels sigma_i = (max^(1/rho) + i/(N-1) (min^(1/rho) - max^(1/rho)))^rho (Karras et al. 2022,
 * eq. 5); rho 7 is EDM's schedule.
 */
export function karrasLevels(count: number, min: number, max: number, rho = 7): number[] {
  checkCount(count);
  const a = max ** (1 / rho);
  const b = min ** (1 / rho);
  return Array.from({ length: count }, (_, i) =>
    count === 1 ? max : (a + (i / (count - 1)) * (b - a)) ** rho,
  );
}

/** Descending noise levels of equal ratio. */
export function logLevels(count: number, min: number, max: number): number[] {
  checkCount(count);
  return Array.from({ length: count }, (_, i) =>
    count === 1 ? max : max * (min / max) ** (i / (count - 1)),
  );
}

export type Spacing = 'heun' | 'log';
export const SPACINGS: readonly Spacing[] = ['heun', 'log'];
export const LEVELS = { min: 8, max: 40, initial: 18 } as const;
/** Ends of EDM's schedule. */
export const SIGMAS = { min: 0.002, max: 80 } as const;

/** The columns of a map of layers, from noise to image. */
export function inspectionLevels(spacing: Spacing, count: number): number[] {
  const levels = spacing === 'heun' ? karrasLevels : logLevels;
  return levels(count, SIGMAS.min, SIGMAS.max);
}

function checkCount(count: number): void {
  if (Number.isInteger(count) && count >= 1) return;
  throw new InnateError('bad-argument', 'not a number of noise levels', {
    expected: 'a positive integer',
    found: String(count),
  });
}
