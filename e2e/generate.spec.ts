import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { type App, commandLineImages, images, maxDifference, openApp, pixels, settled } from './app';

const CATS = 'Cats, one step (GDD-I)';
const PKL = join(import.meta.dirname, '../tests/fixtures/mini/mini-ncsnpp-16-cond.pkl');

let app: App;
test.afterEach(async () => {
  expect(app.foreign).toEqual([]);
  await app.close();
});

test('first visit: a labelled preview at once, then live images by itself', async () => {
  app = await openApp({ at: '#/generate?count=6' });
  const { page, complaints } = app;
  await expect(page.getByText(/pre-rendered/i)).toBeVisible({ timeout: 3_000 });
  for (const tab of ['Generate', 'Distil', 'Layers', 'Models'])
    await expect(page.getByRole('tab', { name: tab })).toBeVisible();
  await settled(page);
  await expect(page.getByText(/pre-rendered/i)).toHaveCount(0);
  await expect(images(page, new RegExp(`^${escapeRegExp(CATS)}, seed [0-5]$`))).toHaveCount(6);
  await expect(page.getByRole('status').first()).toContainText(/WebAssembly|wasm/i);
  const reference = commandLineImages('afhq-cat-64x64-gdd-i', [0, 5]);
  for (const [i, seed] of [0, 5].entries())
    expect(
      maxDifference(await pixels(images(page, `${CATS}, seed ${seed}`)), reference[i]!),
    ).toBeLessThanOrEqual(1);
  expect(complaints).toEqual([]);
});

test('dragging Seed: frames arrive on the way, and none is stale at rest', async () => {
  app = await openApp({ at: '#/generate?model=fashion-mnist-32x32-gdd-i&count=4&class=7' });
  const { page } = app;
  await settled(page);
  const slider = page.getByRole('slider', { name: 'Seed', exact: true });
  const first = page.getByRole('img', { name: /seed/ }).first();
  const seen = new Set<string>();
  const box = (await slider.boundingBox())!;
  await page.mouse.move(box.x + 4, box.y + box.height / 2);
  await page.mouse.down();
  for (let i = 1; i <= 40; i++) {
    await page.mouse.move(box.x + 4 + (i * (box.width - 8)) / 80, box.y + box.height / 2);
    await page.waitForTimeout(60);
    seen.add((await pixels(first)).slice(2000, 2200).join());
  }
  expect(seen.size).toBeGreaterThan(3);
  await page.mouse.up();
  await settled(page);
  await page.waitForTimeout(400);
  const seed = Number((await slider.getAttribute('aria-valuenow')) ?? (await slider.inputValue()));
  const shown = await first.getAttribute('aria-label');
  const named = Number(/seed ([\d.]+)/.exec(shown!)![1]);
  expect(named).toBeGreaterThan(10);
  if (Number.isFinite(seed) && seed <= 64) expect(Math.abs(named - seed)).toBeLessThan(1);
  const whole = Math.floor(named);
  if (named === whole) {
    const reference = commandLineImages('fashion-mnist-32x32-gdd-i', [whole], '--class', '7');
    expect(maxDifference(await pixels(first), reference[0]!)).toBeLessThanOrEqual(1);
  }
});

test('Class follows too, by name', async () => {
  app = await openApp({ at: '#/generate?model=fashion-mnist-32x32-gdd-i&count=2&seed=3' });
  const { page } = app;
  await settled(page);
  const slider = page.getByRole('slider', { name: 'Class', exact: true });
  await slider.focus();
  await page.keyboard.press('End');
  await expect(images(page, /seed 3, class ankle boot$/)).toHaveCount(1);
  await settled(page);
  const reference = commandLineImages('fashion-mnist-32x32-gdd-i', [3], '--class', '9');
  const image = images(page, /seed 3, class ankle boot$/);
  await expect(async () =>
    expect(maxDifference(await pixels(image), reference[0]!)).toBeLessThanOrEqual(1),
  ).toPass();
  await expect(page).toHaveURL(/class=9/);
});

for (const backend of ['wasm', 'webgpu'] as const)
  test(`an official .pkl dropped in is shown as the command line shows it (${backend})`, async () => {
    app = await openApp({ backend, at: '#/generate?model=fashion-mnist-32x32-gdd-i&count=4' });
    const { page } = app;
    await page.getByLabel('Open checkpoint').setInputFiles(PKL);
    await expect(images(page, /^mini-ncsnpp-16-cond.*, seed 3, class \d$/)).toHaveCount(1, {
      timeout: 120_000,
    });
    await settled(page);
    const reference = commandLineImages(PKL, [0, 1, 2, 3]);
    for (let seed = 0; seed < 4; seed++) {
      const image = images(page, new RegExp(`^mini-ncsnpp-16-cond.*, seed ${seed}, class \\d$`));
      await expect(async () =>
        expect(maxDifference(await pixels(image), reference[seed]!)).toBeLessThanOrEqual(1),
      ).toPass();
    }
    await expect(page.getByRole('status').first()).toContainText(
      backend === 'wasm' ? /wasm|WebAssembly/i : /WebGPU/i,
    );
  });

test('a hostile pickle is refused by name, and the images stay', async () => {
  app = await openApp({ at: '#/generate?model=fashion-mnist-32x32-gdd-i&count=2' });
  const { page } = app;
  await settled(page);
  const before = await pixels(page.getByRole('img', { name: /seed 0/ }).first());
  await page.getByLabel('Open checkpoint').setInputFiles({
    name: 'evil.pkl',
    mimeType: 'application/octet-stream',
    buffer: Buffer.from("cposix\nsystem\n(S'true'\ntR.", 'latin1'),
  });
  await expect(page.getByText(/posix\.system/)).toBeVisible();
  expect(await pixels(page.getByRole('img', { name: /seed 0/ }).first())).toEqual(before);
});

test('a link restores the view', async () => {
  app = await openApp({ at: '#/generate?model=fashion-mnist-32x32-gdd-i&seed=17&class=2&count=3' });
  const { page } = app;
  await settled(page);
  await expect(images(page, /seed 1[789], class pullover$/)).toHaveCount(3);
  const url = page.url();
  await page.reload();
  await settled(page);
  await expect(images(page, /seed 1[789], class pullover$/)).toHaveCount(3);
  expect(page.url()).toBe(url);
});

test('parameters out of range fall back', async () => {
  app = await openApp({ at: '#/generate?model=nothing&seed=banana&class=-4&count=100000&sampler=euler' });
  await settled(app.page);
  await expect(images(app.page, /seed 0/).first()).toBeVisible();
  expect(app.complaints).toEqual([]);
});

const escapeRegExp = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
