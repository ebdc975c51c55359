import { InnateError } from '../lib/errors';
import { type DistilConfig, isAdversarial } from './config';

/** Throws a `bad-argument` error that says of `where` what was expected and found, unless that holds. */
function need(holds: boolean, message: string, where: string, expected: string, found: unknown): void {
  if (!holds) throw new InnateError('bad-argument', message, { where, expected, found: String(found) });
}

/** Throws a `bad-argument` error that names the first number that cannot be trained with. */
export function checkNumbers(config: DistilConfig): void {
  const positive = [
    'images',
    'batch',
    'generatorRate',
    'discriminatorRate',
    'featureSize',
    'headWidth',
    'r1Every',
    'imitationSteps',
    'startSigma',
    'sigmaMid',
  ] as const;
  const unusable = 'not a usable number';
  for (const key of positive) {
    const value = config[key];
    need(value > 0 && Number.isFinite(value), unusable, key, 'a positive number', value);
  }
  for (const key of ['warmUp', 'batchGpu'] as const) {
    const value = config[key];
    need(value >= 0 && Number.isFinite(value), unusable, key, 'a number of images, or 0', value);
  }
  need(
    config.nfe !== 2 || config.sigmaMid < config.startSigma,
    'the second evaluation is not below the first',
    'sigmaMid',
    `a noise level below the start sigma, ${config.startSigma}`,
    config.sigmaMid,
  );
  need(
    config.method !== 'cd' || config.nfe === 1,
    'consistency distillation learns every noise level, not two',
    'nfe',
    '1',
    config.nfe,
  );
  need(
    config.cdSteps >= 2 && config.targetDecay >= 0 && config.targetDecay < 1,
    'consistency distillation is not possible with these',
    'cdSteps, targetDecay',
    'at least 2 levels, and a share from 0 up to 1',
    `${config.cdSteps}, ${config.targetDecay}`,
  );
  need(
    !isAdversarial(config.method) || config.batch >= 2,
    'the discriminator compares images of a batch',
    'batch',
    'at least 2',
    config.batch,
  );
}

/** Images of a batch from which on the paper's heads do not collapse. */
export const PAPER_BATCH = 128;

/** Throws a `bad-argument` error where `checkNumbers` does, and where the choices together would collapse. */
export function checkConfig(config: DistilConfig): void {
  checkNumbers(config);
  need(
    config.heads === 'small' || config.batch >= PAPER_BATCH,
    "the paper's heads collapse at small batches",
    'heads',
    `a batch of at least ${PAPER_BATCH}, or heads 'small'`,
    `batch ${config.batch}`,
  );
}
