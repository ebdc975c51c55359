import { test } from '@playwright/test';

const wanted = process.env.INNATE_LONG_TESTS === '1';

/** Leaves the test that calls it out unless INNATE_LONG_TESTS=1 asks for what takes a software GPU minutes. */
export const onlyWhenLong = () => test.skip(!wanted, 'takes minutes: INNATE_LONG_TESTS=1 runs it');

/** Says once what is left out; the workers load the file again. */
export function sayLeftOut(what: string): void {
  if (!wanted && process.env.TEST_WORKER_INDEX === undefined)
    console.log(`skipped: ${what} (INNATE_LONG_TESTS=1 runs it)`);
}
