import { type DistilConfig, partSize } from '../../distil/config';
import type { StepReport } from '../../distil/curve';
import type { TrainingDtype } from '../../lib/backends';
import { asInnateError, type ErrorDetail, InnateError, OutOfMemory } from '../../lib/errors';
import { NotFinite } from '../inference/sampling';

/** Training itself went wrong, not the machine: going on from the same place with the same rates would repeat it. */
export class Diverged extends InnateError {
  constructor(
    /** The last save, or the one with the lowest distance. */
    readonly goBackTo: 'last' | 'best',
    message: string,
    detail: ErrorDetail,
    /** The iteration after which the weights were of no use any more. */
    readonly brokenAt = Number.POSITIVE_INFINITY,
    /** In what the step computed: what was too large for float16 may not be for float32. */
    readonly dtype: TrainingDtype = 'f32',
  ) {
    super('backend', message, detail);
  }
}

/** What engines call the traps of TensorFlow.js's WebAssembly module, where an allocation of its own fails. */
const TRAP = /out of bounds|unreachable/i;

/** Whether an error was thrown by such a trap. */
const isTrap = ({ cause }: InnateError): boolean => cause instanceof Error && TRAP.test(cause.message);

/** Images of the next smaller part; null when one of two is already too much. */
export function smallerPart(config: Parameters<typeof partSize>[0]): number | null {
  const now = partSize(config);
  return now > 2 ? Math.max(2, Math.ceil(now / 2)) : null;
}

/** A failure of a training step: where memory ended or the module trapped, `OutOfMemory` with what to do about it. */
export function explainMemory(error: unknown, config: DistilConfig): InnateError {
  const known = asInnateError(error, 'backend');
  if (!(known instanceof OutOfMemory) && !isTrap(known)) return known;
  const smaller = smallerPart(config);
  return new OutOfMemory(
    'backend',
    'a training step does not fit into memory',
    {
      found: `${partSize(config)} images at once: ${known.message}`,
      hint:
        smaller === null
          ? 'Use a smaller network'
          : `Take the batch in parts of ${smaller}, or use a smaller one`,
    },
    error,
  );
}

const HINT = 'Go back to an earlier save with lower rates';

/**
 * A loss is taken before its step changes the weights: those of the step before are the broken ones. In float16 a gradient may
 * be too large though the loss is not: Adam bounds it, and the step is not kept.
 */
export function checkFinite(report: StepReport, dtype: TrainingDtype): void {
  const { lossG, lossD, gradientNormG, gradientNormD, iteration } = report;
  const numbers = dtype === 'f16' ? [lossG, lossD, gradientNormG, gradientNormD] : [lossG, lossD];
  if (numbers.every((number) => number === null || Number.isFinite(number))) return;
  throw new Diverged(
    'last',
    dtype === 'f16' ? 'a loss or a gradient is too large for float16' : 'the loss is not a number any more',
    {
      where: `step ${iteration}`,
      found: `generator ${lossG}, discriminator ${lossD}`,
      hint: dtype === 'f16' ? 'Go back to an earlier save in float32' : HINT,
    },
    iteration - 1,
    dtype,
  );
}

/** Turns an output that is not finite into the student's divergence after that iteration; throws all else on. */
export const brokenStudent =
  (iteration: number) =>
  (error: unknown): never => {
    if (!(error instanceof NotFinite)) throw error;
    const message = 'the student’s images are not numbers any more';
    throw new Diverged('last', message, { where: `step ${iteration}`, hint: HINT }, iteration);
  };

/** The same of the network that a run begins with: one that gives no images will not give any later. */
export const brokenStart =
  (name: string) =>
  (error: unknown): never => {
    if (!(error instanceof NotFinite)) throw error;
    throw new InnateError('bad-file', 'the network gives values that are not numbers', {
      where: name,
      hint: 'Choose another teacher, or another network to start from',
    });
  };
