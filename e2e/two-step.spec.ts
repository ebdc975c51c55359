import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { fileSource } from '../cli/files';
import { convertStream } from '../src/engine/models/convert-stream';
import { openModel } from '../src/engine/models/open-model';
import { type App, commandLineImages, images, maxDifference, openApp, pixels, settled } from './app';
import { violations } from './axe';

const PKL = join(import.meta.dirname, '../tests/fixtures/mini/mini-ncsnpp-16-cond.pkl');
const FILE = join(mkdtempSync(join(tmpdir(), 'innate-e2e-')), 'twice.safetensors');

test.beforeAll(async () => {
  const pieces: Uint8Array[] = [];
  const sink = { write: (bytes: Uint8Array) => void pieces.push(bytes.slice()) };
  await convertStream(openModel(fileSource(PKL), { sigmaMid: 0.6 }), sink, { from: 'mini.pkl' });
  writeFileSync(FILE, Buffer.concat(pieces));
});

let app: App;
test.afterEach(() => app.close());

test('a two-step student opens in its two steps, beside its one step in Compare, and its card says so', async () => {
  app = await openApp({ backend: 'wasm', adapter: 'none', at: '#/generate?count=4' });
  const { page } = app;
  await page.getByLabel('Open checkpoint').setInputFiles({
    name: 'twice.safetensors',
    mimeType: 'application/octet-stream',
    buffer: readFileSync(FILE),
  });
  const seedThree = images(page, /^twice\.safetensors, seed 3, class \d$/);
  await expect(seedThree).toHaveCount(1, { timeout: 60_000 });
  await settled(page);
  const steps = page.getByRole('group', { name: 'Steps', exact: true });
  await expect(steps.getByRole('button', { name: '2' })).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByText('4 images, 2 passes each')).toBeVisible();
  expect(page.url()).not.toContain('sampler'); // its own: a link need not say it
  const [twice] = commandLineImages(FILE, [3], '--backend', 'wasm');
  expect(maxDifference(await pixels(seedThree), twice!)).toBeLessThanOrEqual(1);

  await steps.getByRole('button', { name: '1' }).click();
  await expect(page.getByText('4 images, 1 pass each')).toBeVisible();
  await expect(page).toHaveURL(/sampler=one-step/);
  const [once] = commandLineImages(FILE, [3], '--sampler', 'one-step', '--backend', 'wasm');
  expect(maxDifference(await pixels(seedThree), once!)).toBeLessThanOrEqual(1);
  expect(maxDifference(await pixels(seedThree), twice!)).toBeGreaterThan(4);
  await page.getByRole('button', { name: 'Use two steps' }).click();
  await expect(page.getByText('4 images, 2 passes each')).toBeVisible();

  const row = 'file:twice.safetensors';
  await page.goto(`${app.host.url}#/generate?mode=compare&row=${row}&row=${row}@one-step`);
  await expect(page.getByText('Two-step generator, 2 NFE, sigma 80')).toBeVisible();
  await expect(page.getByText('One-step generator, 1 NFE, sigma 80')).toBeVisible();
  await settled(page);

  await page.getByRole('tab', { name: 'Models' }).click();
  const card = page.getByRole('article').filter({ hasText: 'twice.safetensors' });
  await expect(card).toContainText('two-step student');
  await expect(card).toContainText('its second step is at sigma 0.6');
  expect(await violations(page)).toEqual([]);

  await page.goto(`${app.host.url}#/distil`);
  const chosen = page.getByRole('group', { name: 'Student’s steps' });
  await expect(page.getByLabel('Second sigma')).toHaveCount(0);
  await chosen.getByRole('button', { name: '2' }).click();
  await expect(page.getByLabel('Second sigma', { exact: true })).toHaveValue('0.8');
  await expect(page.getByText('10,000 images, GDD-I in two steps')).toBeVisible();
  expect(await violations(page)).toEqual([]);
  expect(app.complaints).toEqual([]);
});
