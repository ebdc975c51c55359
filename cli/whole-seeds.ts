import { InnateError } from '../src/lib/errors';

/**
 * Throws a `bad-argument` error that names the first seed that is no whole number: an .npz stores seeds as integers.
 * Asked before images are made, which may take hours. `other` says what stores any seed.
 */
export function checkWholeSeeds(seeds: readonly number[], other: string): void {
  const fraction = seeds.find((seed) => !Number.isInteger(seed));
  if (fraction === undefined) return;
  throw new InnateError('bad-argument', 'an .npz stores whole seeds', {
    where: '--seeds',
    expected: 'whole numbers',
    found: String(fraction),
    hint: `Write ${other}`,
  });
}
