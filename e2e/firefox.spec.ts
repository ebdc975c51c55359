import { expect, test } from '@playwright/test';
import type { Browser, Page } from 'puppeteer-core';
import { images, openApp, pixels, settled } from './app';
import {
  installedFirefox,
  launchFirefox,
  openIn,
  PATIENCE,
  pixelsOf,
  press,
  setField,
  textOf,
} from './firefox';
import { onlyWhenLong, sayLeftOut } from './long';
import { type StaticHost, serveDist } from './server';

/**
 * The page in Firefox, whose compiler (naga) and WebGPU (wgpu) share nothing with Chromium's: images in each form of
 * the kernels, a look inside, and steps of a distillation, all on a GPU, which is lavapipe.
 */
const firefox = installedFirefox();
const lavapipe = process.env.INNATE_SOFTWARE_ADAPTER === 'lavapipe';
const why = !firefox
  ? 'no Firefox here (apt-get install firefox-esr)'
  : !firefox.webgpu
    ? `Firefox ${firefox.version} has no WebGPU (apt-get update; apt-get install firefox-esr)`
    : !lavapipe
      ? 'no lavapipe here for its WebGPU'
      : null;
if (why) console.log(`skipped: Firefox: ${why}`);
else sayLeftOut('Firefox: images of shared-memory tiles, whose shaders take lavapipe minutes to compile');

const MODEL = 'model=fashion-mnist-32x32-gdd-i';
const IMAGE = 'Clothes, one step (GDD-I), seed 3';
const PATTERN = '^Clothes, one step \\(GDD-I\\), seed 3';

test.describe(() => {
  test.skip(why !== null, why ?? '');
  test.setTimeout(2 * PATIENCE);
  let browser: Browser;
  let host: StaticHost;
  const complaints: string[] = [];

  test.beforeAll(async () => {
    host = await serveDist();
    browser = await launchFirefox(firefox!.path);
  });
  test.afterAll(async () => {
    await browser?.close();
    host?.close();
    expect(complaints).toEqual([]);
  });

  const open = (at: string, settings: Record<string, string>) =>
    openIn(browser, host.url + at, settings, complaints);
  const status = (page: Page) => textOf(page, '[role="status"]');

  /** Seed 3 in Chromium; elsewhere its WebGPU is held to WebAssembly's pixels. */
  let reference: number[];
  test.beforeAll(async () => {
    const app = await openApp({ at: `#/generate?${MODEL}&count=1&seed=3`, backend: 'wasm' });
    await settled(app.page);
    reference = await pixels(images(app.page, IMAGE));
    await app.close();
  });

  // Rounding of halves, measured: up to 1 of 255 of the images; 3 leaves room for other drivers.
  for (const { tiles, says, bound } of [
    { tiles: 'register', says: 'register tiles', bound: 1 },
    { tiles: 'shared', says: 'shared-memory tiles', bound: 1 },
    { tiles: 'shared-f16', says: 'multiplied in float16', bound: 3 },
    { tiles: 'subgroup', says: 'subgroup tiles need subgroups of 8 or 16 lanes', bound: 1 },
  ])
    test(`Generate in Firefox, kernels: ${tiles}`, async () => {
      if (tiles.startsWith('shared')) onlyWhenLong();
      const page = await open(`#/generate?${MODEL}&count=1&seed=3`, {
        'innate.backend': 'webgpu',
        'innate.tiles': tiles,
      });
      await expect.poll(() => status(page), { timeout: PATIENCE }).toMatch(/WebGPU.*\d\s*ms/);
      await expect.poll(() => pixelsOf(page, PATTERN), { timeout: 10_000 }).not.toBeNull();
      const found = (await pixelsOf(page, PATTERN))!;
      expect(found).toHaveLength(reference.length);
      expect(Math.max(...found.map((v, i) => Math.abs(v - reference[i]!)))).toBeLessThanOrEqual(bound);
      await page.evaluate(() => {
        location.hash = '#/models';
      });
      await expect
        .poll(() => page.evaluate(() => document.body.textContent), { timeout: 10_000 })
        .toMatch(new RegExp(says, 'i'));
      await page.close();
    });

  test('Layers in Firefox: a picture of one layer', async () => {
    const page = await open(`#/layers?${MODEL}&guide=0`, {
      'innate.backend': 'webgpu',
      'innate.tiles': 'register',
    });
    await page.waitForSelector('.map-area rect', { timeout: PATIENCE });
    const map = (await page.$('[role="group"][aria-label*="by block and sigma"]'))!;
    await map.focus();
    for (const key of ['Home', 'Enter'] as const) await page.keyboard.press(key);
    const picture = 'channel 0';
    await expect.poll(() => pixelsOf(page, picture), { timeout: PATIENCE }).not.toBeNull();
    await expect
      .poll(async () => new Set(await pixelsOf(page, picture)).size, { timeout: PATIENCE })
      .toBeGreaterThan(10);
    await page.close();
  });

  test('Distil in Firefox: two steps', async () => {
    const page = await open('#/distil', { 'innate.backend': 'webgpu', 'innate.tiles': 'register' });
    await page.waitForSelector('input[aria-label^="Batch"]', { timeout: 60_000 });
    await setField(page, '^Batch', 2);
    await setField(page, '^Images$', 4);
    await setField(page, '^Images (per quality check|for the Fréchet distance)', 0);
    await press(page, 'Start');
    await expect.poll(() => textOf(page, '.run-facts strong'), { timeout: PATIENCE }).toBe('Finished');
    expect(await textOf(page, '.run-progress .reading')).toMatch(/^4\s*of 4/);
    await page.close();
  });
});
