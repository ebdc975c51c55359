import { InnateError } from '../lib/errors';
import { SIGMAS } from '../lib/noise-levels';
import type { NetworkConfig } from '../nn/config';
import type { DistilConfig } from './config';

/**
 * The network that a student is, with its teacher's weights as its first. Consistency distillation needs
 * D(x, sigma min) = x (Song et al. 2023, section 3), which is GDDPrecond's form and ECMPrecond's; EDMPrecond's differs
 * from it only there. Every other method keeps the teacher's preconditioning. Throws an `unsupported` error for a
 * teacher whose preconditioning has no such form.
 */
export function studentNetwork(
  { method }: Pick<DistilConfig, 'method'>,
  teacher: NetworkConfig,
): NetworkConfig {
  if (method !== 'cd' || teacher.precond === 'GDDPrecond' || teacher.precond === 'ECMPrecond') return teacher;
  if (teacher.precond === 'EDMPrecond') return { ...teacher, precond: 'GDDPrecond', sigmaShift: SIGMAS.min };
  throw new InnateError('unsupported', 'consistency distillation is not possible from this teacher', {
    expected: 'EDMPrecond, GDDPrecond or ECMPrecond',
    found: teacher.precond,
    hint: 'Choose another method',
  });
}
