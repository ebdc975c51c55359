import { InnateError } from '../lib/errors';
import { MAX_SEED } from './seeds';

/** "0-15,20,3.5" as [0, 1, ..., 15, 20, 3.5]; at most `limit` seeds. */
export function parseSeeds(text: string, limit = 100_000): number[] {
  const fail = (found: string): never => {
    throw new InnateError('bad-argument', 'cannot read the seeds', {
      where: '--seeds',
      expected: 'numbers and ranges such as 0-15,20,3.5',
      found: JSON.stringify(found),
    });
  };
  const seeds: number[] = [];
  for (const part of text.split(',')) {
    const range = /^\s*(\d+)-(\d+)\s*$/.exec(part);
    const single = /^\s*(\d+(?:\.\d+)?)\s*$/.exec(part);
    if (!range && !single) fail(part);
    const first = Number(range ? range[1] : single![1]);
    const last = range ? Number(range[2]) : first;
    if (last < first || last > MAX_SEED) fail(part);
    if (seeds.length + (last - first + 1) > limit)
      throw new InnateError('bad-argument', 'too many seeds', {
        where: '--seeds',
        expected: `at most ${limit}`,
        found: text.slice(0, 40),
      });
    for (let s = first; s <= last; s++) seeds.push(s);
  }
  return seeds;
}
