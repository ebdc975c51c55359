import { InnateError } from '../lib/errors';
import { type DistilConfig, isAdversarial } from './config';

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
  for (const key of positive)
    if (!(config[key] > 0) || !Number.isFinite(config[key]))
      throw new InnateError('bad-argument', 'not a usable number', {
        where: key,
        expected: 'a positive number',
        found: String(config[key]),
      });
  for (const key of ['warmUp', 'batchGpu'] as const)
    if (!(config[key] >= 0) || !Number.isFinite(config[key]))
      throw new InnateError('bad-argument', 'not a usable number', {
        where: key,
        expected: 'a number of images, or 0',
        found: String(config[key]),
      });
  if (config.nfe === 2 && config.sigmaMid >= config.startSigma)
    throw new InnateError('bad-argument', 'the second evaluation is not below the first', {
      where: 'sigmaMid',
      expected: `a noise level below the start sigma, ${config.startSigma}`,
      found: String(config.sigmaMid),
    });
  if (config.method === 'cd' && config.nfe !== 1)
    throw new InnateError('bad-argument', 'consistency distillation learns every noise level, not two', {
      where: 'nfe',
      expected: '1',
      found: String(config.nfe),
    });
  if (!(config.cdSteps >= 2 && config.targetDecay >= 0 && config.targetDecay < 1))
    throw new InnateError('bad-argument', 'consistency distillation is not possible with these', {
      where: 'cdSteps, targetDecay',
      expected: 'at least 2 levels, and a share from 0 up to 1',
      found: `${config.cdSteps}, ${config.targetDecay}`,
    });
  if (isAdversarial(config.method) && config.batch < 2)
    throw new InnateError('bad-argument', 'the discriminator compares images of a batch', {
      where: 'batch',
      expected: 'at least 2',
      found: String(config.batch),
    });
}

/** Images of a batch from which on the paper's heads do not collapse. */
export const PAPER_BATCH = 128;

/** Throws a `bad-argument` error where `checkNumbers` does, and where the choices together would collapse. */
export function checkConfig(config: DistilConfig): void {
  checkNumbers(config);
  if (config.heads === 'small' || config.batch >= PAPER_BATCH) return;
  throw new InnateError('bad-argument', "the paper's heads collapse at small batches", {
    where: 'heads',
    expected: `a batch of at least ${PAPER_BATCH}, or heads 'small'`,
    found: `batch ${config.batch}`,
  });
}
