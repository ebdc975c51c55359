import { expect, test } from '@playwright/test';
import { type App, images, openApp, settled } from './app';

let app: App;
test.afterEach(() => app?.close());

test('one press of Start distils; pause, one step, stop; the student is used in Generate', async () => {
  app = await openApp({ at: '#/distil', backend: 'wasm' });
  const { page, complaints, foreign } = app;
  await page.getByLabel(/^Batch/).fill('4');
  await page.getByLabel(/^Batch/).press('Enter');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  // The teacher's blur first, then what the first steps make of it.
  await expect(images(page, /seed \d+.*after \d+ images|seed \d+/).first()).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText('of 10,000 images').first()).toBeVisible();
  await expect(page.getByText(/[\d.]+ images\/s/).first()).toBeVisible({ timeout: 120_000 }); // measured after two steps
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: 'One step' }).click();
  await page.getByRole('button', { name: 'Stop' }).click();
  const use = page.getByRole('button', { name: /Use in Generate/ });
  await expect(use).toBeVisible({ timeout: 60_000 });
  await use.click();
  await settled(page);
  await expect(images(page, /student, \d+ images, seed 0/).first()).toBeVisible();
  expect(complaints).toEqual([]);
  expect(foreign).toEqual([]);
});
