import { expect, test } from 'vitest';
import { loadPart, MissingPart } from '../../src/lib/load-part';

test('a part that cannot be loaded says so, and what to do', async () => {
  await expect(loadPart(Promise.resolve(3))).resolves.toBe(3);
  const cause = new TypeError('Failed to fetch dynamically imported module');
  const error = await loadPart(Promise.reject(cause)).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(MissingPart);
  expect((error as MissingPart).cause).toBe(cause);
  expect((error as MissingPart).describe()).toContain('Reload the page');
});
