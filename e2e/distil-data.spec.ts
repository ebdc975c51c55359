import { expect, test } from '@playwright/test';
import { zipSync } from 'fflate';
import { encodePng } from '../src/formats/png';
import { type App, openApp } from './app';

/** One's own images in the Distil tab: looked at before Start, wherever they are dropped. */
let app: App;
test.beforeAll(async () => {
  app = await openApp({ at: '#/distil', backend: 'wasm' });
});
test.afterAll(() => app.close());

const png = (shade: number) =>
  encodePng({ width: 28, height: 28, channels: 1, data: new Uint8Array(784).fill(shade) });
const images = Object.fromEntries([10, 90, 200].map((shade) => [`${shade}.png`, png(shade)]));

test('images without classes: Start waits, and a press chooses a teacher that they fit', async () => {
  const { page } = app;
  await expect(page.getByRole('radio', { name: /Clothes/ }).first()).toBeChecked();
  await page.getByLabel('Choose images').setInputFiles([
    ...Object.entries(images).map(([name, data]) => ({
      name,
      mimeType: 'image/png',
      buffer: Buffer.from(data),
    })),
    { name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from('nonsense') },
  ]);
  await expect(page.getByRole('img', { name: '3 of your images' })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText('28 × 28', { exact: false }).first()).toBeVisible();
  await expect(page.getByText(/1 image skipped: broken\.png: not an image/)).toBeVisible();
  // Few images of one's own: offered, and off until it is asked for.
  await expect(
    page.getByText(/You have 4 images\. A discriminator can learn fewer than 5,000 by heart/),
  ).toBeVisible();
  await expect(page.getByRole('checkbox', { name: 'DiffAugment' })).not.toBeChecked();
  const start = page.getByRole('button', { name: 'Start', exact: true });
  await expect(start).toBeDisabled();
  await expect(page.getByText('4 files: has no classes; the teacher has 10.')).toBeVisible();
  await page
    .getByRole('button', { name: /^Use .*teacher/ })
    .first()
    .click();
  await expect(start).toBeEnabled();
});

test('a preset of the paper takes a second feature network from a file, and says what else a file is', async () => {
  const { page } = app;
  await expect(page.getByLabel('Choose a network')).toHaveCount(0);
  await page.getByLabel('Preset').selectOption('paper-faces');
  const choose = page.getByLabel('Choose a network');
  await choose.setInputFiles('tests/fixtures/inspection.json');
  await expect(page.getByRole('alert').getByText(/inspection\.json: not a checkpoint/)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeDisabled();
  await choose.setInputFiles('tests/fixtures/method/deit.wrapped.zip.pth');
  await expect(page.getByText('DeiT-B distilled, deit.wrapped.zip.pth')).toBeVisible();
  await page.getByRole('button', { name: 'Reset Second features' }).click();
  await expect(page.getByText(/Without it EfficientNet-Lite0 judges alone/)).toBeVisible();
  await page.getByLabel('Preset').selectOption('small');
});

test('files dropped on the header go where they belong, and what belongs nowhere is said', async () => {
  const { page } = app;
  await page.getByRole('tab', { name: 'Generate' }).click();
  const zip = [...zipSync(images, { level: 0 })];
  const dropped = await page.evaluateHandle((bytes) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(bytes)], 'mine.zip'));
    transfer.items.add(new File(['some words'], 'notes.txt'));
    return transfer;
  }, zip);
  await page.locator('header').first().dispatchEvent('drop', { dataTransfer: dropped });
  await expect(page.getByRole('tab', { name: 'Distil' })).toHaveAttribute('aria-selected', 'true');
  await expect(page.getByRole('radio', { name: /mine\.zip/ })).toBeChecked();
  await expect(page.getByText(/notes\.txt is neither images nor a checkpoint/).first()).toBeVisible();
  await expect(page.getByRole('img', { name: '3 of your images' })).toBeVisible({ timeout: 60_000 });
  expect(app.complaints).toEqual([]);
});
