import { readFile } from 'node:fs/promises';
import { expect, type Page, test } from '@playwright/test';
import { type App, openApp } from './app';
import { violations } from './axe';
import { hasEnded, plainRun, setNumber, start } from './distil-page';

let app: App;
test.afterEach(() => app?.close());

const LONG = { timeout: 150_000 };

async function saveDistances(page: Page, format: 'csv' | 'json'): Promise<string> {
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: `Save the distances as ${format}` }).click();
  return readFile(await (await waiting).path(), 'utf8');
}

test('a run’s snapshots are measured after it: the distances are drawn, saved as csv and json, and outlive a reload', async () => {
  test.setTimeout(300_000);
  app = await openApp({ at: '#/distil', backend: 'wasm' });
  const { page, complaints, foreign } = app;
  await plainRun(page);
  await setNumber(page, /^Batch/, 4);
  await setNumber(page, /^Images$/, 16);
  await setNumber(page, 'Samples every, steps', 1);
  await start(page);
  await hasEnded(page, 'Finished', 240_000);
  await page.getByRole('button', { name: 'Measure its snapshots' }).click();
  await setNumber(page, 'Images of each snapshot', 33);
  await setNumber(page, 'Snapshots', 3);
  expect(await violations(page)).toEqual([]);
  const section = page.getByRole('region', { name: 'Distances of its snapshots' });
  await section.getByRole('button', { name: 'Start' }).click();
  const curve = section.getByRole('slider', { name: /^FD of its snapshots, ResNet-56/ });
  await expect(curve).toHaveAttribute('aria-valuetext', /^16 images: FD [\d.]+/, LONG); // the last one
  await expect(section.locator('.error-bar')).toHaveCount(3);
  await expect(section.getByText('Held-out real')).toBeVisible();
  expect(await violations(page)).toEqual([]);

  const csv = (await saveDistances(page, 'csv')).trim().split('\n');
  expect(csv).toHaveLength(4);
  const { distances } = JSON.parse(await saveDistances(page, 'json'));
  expect(distances).toMatchObject([{ features: 'resnet56', n: 33, nfe: 1 }]);
  const [{ moments, floor }] = distances;
  expect(moments.at(-1).images).toBe(16);
  for (const { value, error } of moments) {
    expect(value).toBeGreaterThan(floor); // after four steps a student still makes the teacher's blur
    expect(error).toBeGreaterThan(0);
  }

  await page.reload();
  await page.getByRole('button', { name: 'Runs (1)' }).click({ timeout: 60_000 });
  await page.getByRole('button', { name: /^Open .*run 1$/ }).click({ timeout: 60_000 });
  await expect(curve).toHaveAttribute('aria-valuetext', /^16 images: FD [\d.]+/);
  expect(JSON.parse(await saveDistances(page, 'json')).distances).toEqual(distances);
  expect(complaints).toEqual([]);
  expect(foreign).toEqual([]);
});
