import { expect, it } from 'vitest';
import { innate } from '../support/cli';
import { clothesRuns, DATA, TEACHER } from './clothes-runs';

const { distil, log } = clothesRuns();

/** It takes two minutes; e2e/distil.spec.ts always runs, and claims the same of one press of Start. */
const wanted = process.env.INNATE_LONG_TESTS === '1';
if (!wanted) console.log('skipped: a student of the command line sharpens (INNATE_LONG_TESTS=1 runs it)');

it.runIf(wanted)(
  'a student sharpens: its Fréchet distance falls clearly below the teacher at one step',
  () => {
    const args = distil(
      'learns',
      ...['--images', '256', '--batch', '32', '--measure-images', '200', '--measure-every', '128'],
      ...['--generator-rate', '1e-3', '--discriminator-rate', '2e-3'],
    );
    const result = innate(...args);
    expect(result.status, result.stderr).toBe(0);
    const start = innate(
      'evaluate',
      TEACHER,
      '--data',
      DATA,
      '--count',
      '200',
      '--reference',
      '1000',
      '--json',
      '--backend',
      'wasm',
    );
    const blur = JSON.parse(start.stdout).value as number;
    const { best } = JSON.parse(result.stdout);
    expect(blur).toBeGreaterThan(10);
    expect(best.frechet.value).toBeLessThan(0.5 * blur);
    expect(best.frechet.spread).toBeGreaterThan(0.4);
    const points = log('learns');
    // The discriminator starts undecided (2 ln 2 a scale) and learns to tell the blur from real clothes.
    expect(points.at(-1)!.logitsReal! - points.at(-1)!.logitsFake!).toBeGreaterThan(
      points[0]!.logitsReal! - points[0]!.logitsFake!,
    );
  },
  900_000,
);
