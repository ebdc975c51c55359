import { readFileSync } from 'node:fs';
import { expect, type Locator, test } from '@playwright/test';
import { decode } from 'fast-png';
import { type App, commandLineImages, maxDifference, openApp, pixels } from './app';
import { violations } from './axe';
import { setNumber } from './distil-page';

let app: App;
test.afterEach(() => app?.close());

const TEACHER = 'fashion-mnist-32x32-teacher';
const IMAGES = 4;
const SEEDS = 8;
const EDGE = 32;

/** RGBA bytes of one image of a row of them: their canvas is `count` images wide. */
const imageOf = (row: readonly number[], index: number, count: number): number[] =>
  Array.from({ length: EDGE }, (_, y) => {
    const start = 4 * EDGE * (y * count + index);
    return row.slice(start, start + 4 * EDGE);
  }).flat();

const numberIn = async (text: Locator, pattern: RegExp): Promise<number> =>
  Number((await text.textContent())?.match(pattern)?.[1]);

test('GDD-I against imitation: one press ends in a picture of the same seeds, with figures, and in a file of it', async () => {
  test.setTimeout(600_000);
  app = await openApp({ at: '#/distil', backend: 'wasm' });
  const { page } = app;
  await page.getByLabel('Preset').selectOption('small-encoder');
  await setNumber(page, /^Images$/, IMAGES);
  await setNumber(page, 'Batch', 2);
  await setNumber(page, 'Images per quality check', 64);
  await page.getByText('Is copying the teacher enough?').click();
  await page.getByRole('button', { name: 'Compare GDD-I with imitation' }).click();
  await expect(page.getByRole('heading', { name: 'GDD-I against imitation' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Cancel the series' })).toBeVisible();
  const picture = page.getByRole('region', { name: 'The same seeds' });
  await expect(picture).toBeVisible({ timeout: 500_000 });
  const save = page.getByRole('button', { name: 'Save the picture' });
  await expect(save).toBeEnabled({ timeout: 120_000 });

  // The teacher, then what copies it, then what learned from real images; each says how it makes its images.
  const rows = picture.locator('.claim-row');
  await expect(rows).toHaveCount(3);
  for (const [i, [name, how, distance]] of [
    ['Clothes, diffusion teacher', 'Heun, 18 steps, 35 NFE, sigma 2.5', 'distance not measured'],
    [`Imitation, ${IMAGES} images`, 'One-step generator, 1 NFE, sigma 2.5', /FD [\d.]+ ± [\d.]+/],
    [`GDD-I, ${IMAGES} images`, 'One-step generator, 1 NFE, sigma 2.5', /FD [\d.]+ ± [\d.]+/],
  ].entries() as Iterable<[number, [string, string, string | RegExp]]>) {
    await expect(rows.nth(i).getByRole('heading', { name, exact: true })).toBeVisible();
    await expect(rows.nth(i)).toContainText(how);
    await expect(rows.nth(i)).toContainText(distance);
    await expect(picture.getByRole('img', { name: `${name}: images of ${SEEDS} seeds` })).toBeVisible();
  }
  await expect(picture).toContainText(/batch 2, the same images and order for all/);
  await expect(picture).toContainText(/first step, where every student began, is at [\d.]+\./);
  await expect(picture).toContainText(/Distances on .+, n 64\./);

  // The teacher's images are those of the command line, of each seed in its class.
  const shown = await Promise.all([0, 1, 2].map((i) => pixels(rows.nth(i).locator('canvas'))));
  for (const seed of [0, 3]) {
    const [expected] = commandLineImages(
      ...[TEACHER, [seed], '--class', String(seed)],
      ...['--sampler', 'heun', '--steps', '18', '--sigma', '2.5', '--backend', 'wasm'],
    );
    expect(maxDifference(imageOf(shown[0]!, seed, SEEDS), expected!)).toBeLessThanOrEqual(2);
  }
  // A student's are the newest samples of its own run, which the table shows, and its distance is the table's.
  const table = page.getByRole('table', { name: 'What each choice trains and comes to' });
  for (const [i, label] of [
    [1, 'Imitation'],
    [2, 'GDD-I'],
  ] as const) {
    const run = table.getByRole('row', { name: new RegExp(`^${label}`) });
    const samples = await pixels(run.locator('canvas'));
    for (let seed = 0; seed < 6; seed++)
      expect(imageOf(shown[i]!, seed, SEEDS)).toEqual(imageOf(samples, seed, 6));
    expect(await numberIn(rows.nth(i), /FD ([\d.]+)/)).toBeCloseTo(
      await numberIn(run.locator('[data-label="Distance"]'), /([\d.]+)/),
      1,
    );
  }
  for (const [a, b] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const)
    expect(shown[a]).not.toEqual(shown[b]);
  expect(await violations(page)).toEqual([]);

  // The file is the picture, eight times as large.
  const saving = page.waitForEvent('download');
  await save.click();
  const download = await saving;
  expect(download.suggestedFilename()).toBe('gdd-i-against-imitation.png');
  const sheet = decode(readFileSync(await download.path()));
  const [left, top, pitch] = [560, 54, 264];
  expect([sheet.width, sheet.channels]).toEqual([left + SEEDS * pitch + 24, 4]);
  for (const [r, row] of shown.entries())
    for (let seed = 0; seed < SEEDS; seed++) {
      const image = imageOf(row, seed, SEEDS);
      const saved = image.map((_, k) => {
        const [pixel, channel] = [Math.floor(k / 4), k % 4];
        const x = left + seed * pitch + 8 * (pixel % EDGE) + 3;
        const y = top + r * pitch + 8 * Math.floor(pixel / EDGE) + 3;
        return sheet.data[(y * sheet.width + x) * 4 + channel];
      });
      expect(saved).toEqual(image);
    }
  expect(app.foreign).toEqual([]);
});
