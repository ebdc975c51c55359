import { expect, test } from 'vitest';
import { preset } from '../../../src/distil/config';
import { expectation } from '../../../src/state/distil/expectation';

test('a run says what its images look like on the way, and no more once they are good', () => {
  const run = { config: preset('small'), ended: false };
  expect(expectation(run, 0)).toBeNull();
  expect(expectation(run, 320)).toMatch(/blur/);
  expect(expectation(run, 960)).toMatch(/Ugly before good/);
  expect(expectation(run, 3_000)).toMatch(/distance/);
  expect(expectation(run, 9_000)).toBeNull();
  expect(expectation({ ...run, ended: true }, 960)).toBeNull();
  expect(expectation({ ...run, config: { ...preset('small'), method: 'imitation' } }, 960)).toBeNull();
});
