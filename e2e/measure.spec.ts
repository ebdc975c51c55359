import { expect, test } from '@playwright/test';
import { writeNpz } from '../src/formats/npz';
import { type App, openApp } from './app';
import { violations } from './axe';
import { setNumber } from './distil-page';

let app: App;
test.afterEach(() => app?.close());

const AT = '#/models?model=fashion-mnist-32x32-gdd-i&count=1';
const LONG = { timeout: 150_000 };

async function openMeasure(): Promise<App> {
  app = await openApp({ at: AT, backend: 'wasm' });
  await app.page.getByRole('button', { name: 'Measure Clothes, one step (GDD-I)' }).click();
  await setNumber(app.page, 'Images generated', 64);
  return app;
}

test('any model is measured, with its floor, and its numbers outlive a reload', async () => {
  const { page, foreign } = await openMeasure();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Start' }).click();
  const results = page.getByRole('region', { name: 'Results' });
  const reading = results.getByRole('status');
  await expect(reading).toContainText('FD', LONG);
  const text = (await reading.textContent())!;
  const value = Number(/^[\d.]+/.exec(text)![0]);
  expect(text).toMatch(/± [\d.]+ ResNet-56, not an FID; n = 64/);
  expect(value).toBeLessThan(4); // 0.74 with n 1,000; few images cost a little
  const dots = await results.getByRole('img', { name: /^FD:/ }).getAttribute('aria-label');
  const [, here, real] = /here ([\d.]+) .*real images ([\d.]+)/.exec(dots!)!;
  expect(Number(here)).toBeCloseTo(value, 1);
  expect(Number(real)).toBeLessThan(value);
  await expect(results.getByRole('row')).toHaveText([
    /^Number/,
    /^FD/,
    /^KD × 1,000/,
    /^Inception score.*needs Inception/,
    /^Precision/,
    /^Recall/,
  ]);
  expect(await violations(page)).toEqual([]);

  await page.reload();
  await expect(page.getByText(/^Measured here: FD/)).toBeVisible(LONG);
  await page.getByRole('button', { name: 'Measure Clothes, one step (GDD-I)' }).click();
  await expect(reading).toHaveText(text);
  expect(foreign).toEqual([]);
});

test('a measurement whose tab ended goes on behind what it has saved', async () => {
  const { page } = await openMeasure();
  await page.getByRole('button', { name: 'Start' }).click();
  // A first block of real images is on the disk: it is not measured again.
  const progress = page.getByRole('progressbar', { name: 'measuring real images' });
  await expect(progress).not.toHaveAttribute('aria-valuenow', '0', LONG);
  const before = Number(await progress.getAttribute('aria-valuenow'));
  await page.reload();
  await page.getByRole('button', { name: /^Measure Clothes, one step/ }).click();
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(progress).toHaveAttribute('aria-valuenow', /\d/, LONG);
  expect(Number(await progress.getAttribute('aria-valuenow'))).toBeGreaterThanOrEqual(before);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('button', { name: 'Start' })).toBeVisible();
});

test('the nearest training images of a generated image stand in the inspector', async () => {
  app = await openApp({ at: '#/generate?model=fashion-mnist-32x32-gdd-i&count=1', backend: 'wasm' });
  const { page } = app;
  await page.getByRole('button', { name: 'Nearest training images' }).click(LONG);
  await page.getByRole('button', { name: 'Pixels' }).click();
  await expect(page.getByText(/^(No sign|Sign) of copying\./)).toBeVisible(LONG);
  await expect(page.getByRole('img', { name: /^Training image \d+, distance/ })).toHaveCount(4);
  expect(await violations(page)).toEqual([]);
});

test('a set is looked through for copies, and any other seed beside it', async () => {
  const { page } = await openMeasure();
  const part = page.getByRole('region', { name: 'Nearest training images' });
  await setNumber(page, 'Seeds to look through', 20);
  await part.getByRole('button', { name: 'Pixels' }).click();
  await part.getByRole('button', { name: 'Look for copies' }).click();
  await expect(part.getByRole('status')).toContainText(/(No sign|Sign) of copying\./, LONG);
  await expect(part.getByRole('button', { name: /^Show seed \d+/ })).toHaveCount(20);
  await setNumber(page, 'Seed in view', 4321);
  await expect(part.getByRole('img', { name: 'Generated, seed 4321' })).toBeVisible(LONG);
  await expect(part.getByText(/^Seed 4,321: .*held-out real images/)).toBeVisible();
  await part.getByRole('button', { name: 'Next seed' }).click();
  await expect(part.getByRole('img', { name: 'Generated, seed 4322' })).toBeVisible(LONG);
  await part.getByRole('button', { name: 'Show seed 7 and' }).click();
  await expect(page.getByLabel('Seed in view')).toHaveValue('7');
  expect(await violations(page)).toEqual([]);
});

test('statistics of a file take the place of real images, and a protocol that of another program', async () => {
  const { page } = await openMeasure();
  const dims = 64; // of ResNet-56
  const sigma = Float64Array.from({ length: dims ** 2 }, (_, i) => (i % (dims + 1) === 0 ? 1 : 0));
  const archive = writeNpz({
    mu: { dtype: 'f64', shape: [dims], data: new Float64Array(dims) },
    sigma: { dtype: 'f64', shape: [dims, dims], data: sigma },
  });
  const file = { name: 'refs.npz', mimeType: 'application/zip', buffer: Buffer.from(archive) };
  await page.getByLabel('Open reference statistics').setInputFiles(file);
  await expect(page.getByLabel('Real images', { exact: true })).toHaveValue('statistics');
  await page.getByRole('radio', { name: /^pytorch-fid/ }).check();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Start' }).click();
  const results = page.getByRole('region', { name: 'Results' });
  await expect(results.getByRole('status')).toContainText('n = 64, pytorch-fid', LONG);
  await expect(results).toContainText('against the statistics in refs.npz');
  await expect(results.getByRole('row', { name: /^Precision/ })).toContainText('not measured');
});
