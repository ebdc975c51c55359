import type { DistilConfig } from '../distil/config';
import type { StepReport } from '../distil/trainer';
import { asInnateError, type ErrorDetail, InnateError } from '../lib/errors';

/** Training itself went wrong, not the machine: going on from the same place with the same rates would repeat it. */
export class Diverged extends InnateError {
  constructor(
    /** The last save, or the one with the lowest distance. */
    readonly goBackTo: 'last' | 'best',
    message: string,
    detail: ErrorDetail,
  ) {
    super('backend', message, detail);
  }
}

/** Memory ended during a step. */
export class StepTooLarge extends InnateError {}

const MEMORY = /out of memory|allocation failed|Cannot enlarge memory|Aborted|out of bounds/i;

export const isOutOfMemory = ({ message, detail }: InnateError): boolean =>
  MEMORY.test(`${message} ${detail.found ?? ''}`);

/** Images of the next smaller part; null when one of two is already too much. */
export function smallerPart({
  batch,
  microBatch,
}: Pick<DistilConfig, 'batch' | 'microBatch'>): number | null {
  const now = microBatch || batch;
  return now > 2 ? Math.max(2, Math.ceil(now / 2)) : null;
}

/** What engines say when memory ends, as something to act on. */
export function explainMemory(error: unknown, config: DistilConfig): InnateError {
  const known = asInnateError(error, 'backend');
  if (!isOutOfMemory(known)) return known;
  const smaller = smallerPart(config);
  return new StepTooLarge(
    'backend',
    'a training step does not fit into memory',
    {
      found: `${config.microBatch || config.batch} images at once: ${known.message}`,
      hint:
        smaller === null
          ? 'Use a smaller network'
          : `Take the batch in parts of ${smaller}, or use a smaller one`,
    },
    error,
  );
}

export function checkFinite({ lossG, lossD, iteration }: StepReport): void {
  if ([lossG, lossD].every((loss) => loss === null || Number.isFinite(loss))) return;
  throw new Diverged('last', 'the loss is not a number any more', {
    where: `iteration ${iteration}`,
    found: `generator ${lossG}, discriminator ${lossD}`,
    hint: 'Go back to the last saved state with lower rates',
  });
}
