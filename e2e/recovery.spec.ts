import { expect, test } from '@playwright/test';
import { type App, images, openApp, pixels, settled } from './app';

let app: App;
test.afterEach(() => app?.close());

const SMALL = '#/generate?model=fashion-mnist-32x32-gdd-i&count=4&class=1';

test('the GPU process crashes while images are made: they come back by themselves', async () => {
  app = await openApp({ backend: 'webgpu', at: SMALL });
  const { page, browser } = app;
  await settled(page);
  const before = await pixels(images(page, /seed 0/).first());
  const session = await browser.newBrowserCDPSession();
  await page.getByRole('slider', { name: 'Seed', exact: true }).focus();
  await page.keyboard.press('ArrowRight');
  await session.send('Browser.crashGpuProcess').catch(() => {});
  // The last images stay until the new ones are there, and one clear line says what happened.
  await expect(page.getByText(/set up again|WebAssembly/i).first()).toBeVisible({ timeout: 120_000 });
  await page.keyboard.press('ArrowLeft');
  await settled(page);
  await expect(async () => {
    const after = await pixels(images(page, /seed 0/).first());
    expect(Math.max(...after.map((v, i) => Math.abs(v - before[i]!)))).toBeLessThanOrEqual(1);
  }).toPass({ timeout: 120_000 });
});

test('without WebGPU the page says why and what to do, and works', async () => {
  app = await openApp({ adapter: 'none', at: SMALL });
  const { page } = app;
  await settled(page);
  await expect(images(page, /seed 0, class trouser/)).toHaveCount(1);
  await expect(page.getByText(/no WebGPU|no usable GPU/i).first()).toBeAttached();
});

test('on the stock software adapter WebAssembly is preferred; WebGPU can be chosen and gives the same image', async () => {
  app = await openApp({ adapter: 'swiftshader', at: SMALL });
  const { page } = app;
  await settled(page);
  await expect(page.getByRole('status').first()).toContainText(/WebAssembly|wasm/i);
  const wasm = await pixels(images(page, /seed 0/).first());
  await page.evaluate(() => localStorage.setItem('innate.backend', 'webgpu'));
  await page.reload();
  await expect(page.getByRole('status').first()).toContainText(/WebGPU/i, { timeout: 60_000 });
  await settled(page);
  const webgpu = await pixels(images(page, /seed 0/).first());
  expect(Math.max(...webgpu.map((v, i) => Math.abs(v - wasm[i]!)))).toBeLessThanOrEqual(1);
});
