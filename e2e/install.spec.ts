import { expect, test } from '@playwright/test';
import { decode } from 'fast-png';
import { type App, images, openApp, settled } from './app';

let app: App;
test.afterEach(() => app?.close());

test('the page is what Chromium asks of an app to install: no complaint, icons of their sizes, a name', async () => {
  app = await openApp({ at: '#/generate?count=1', backend: 'wasm', context: { serviceWorkers: 'allow' } });
  const { page, context, complaints } = app;
  await settled(page);
  await page.evaluate(() => navigator.serviceWorker.ready);
  const devtools = await context.newCDPSession(page);
  const { url, errors, data = '' } = await devtools.send('Page.getAppManifest');
  expect(errors).toEqual([]);
  expect(url).toMatch(/\/app\.webmanifest$/);
  const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
  // A test's browser has no profile to install into.
  expect(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito')).toEqual([]);
  const manifest = JSON.parse(data) as {
    icons: { src: string; sizes: string; purpose: string }[];
    shortcuts: { url: string }[];
  };
  expect(manifest.icons.map(({ purpose }) => purpose)).toContain('maskable');
  for (const { src, sizes } of manifest.icons) {
    const icon = decode(await (await page.request.get(new URL(src, url).href)).body());
    expect(`${icon.width}x${icon.height}`).toBe(sizes);
  }
  for (const shortcut of manifest.shortcuts) expect(shortcut.url).toMatch(/^\.\/#\/\w+$/);
  expect(complaints).toEqual([]);
});

test('the frame of the window has the theme of the page', async () => {
  app = await openApp({ at: '#/generate?count=1', backend: 'wasm', context: { colorScheme: 'light' } });
  const { page } = app;
  const frame = () =>
    page.evaluate(() => {
      const metas = [...document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')];
      return metas.find(({ media }) => matchMedia(media).matches)?.content;
    });
  const ground = () =>
    page.evaluate(() => {
      const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\d+/g)!.map(Number);
      return `#${[r, g, b].map((v) => v!.toString(16).padStart(2, '0')).join('')}`;
    });
  await expect.poll(frame).toBe(await ground());
  await page.keyboard.press('t'); // light
  await page.keyboard.press('t'); // dark
  await expect.poll(() => page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark');
  expect(await frame()).toBe(await ground());
});

test('visited once, every tab opens offline and images are made', async () => {
  app = await openApp({ at: '#/generate?count=1', backend: 'wasm', context: { serviceWorkers: 'allow' } });
  const { page, context, host, foreign } = app;
  await settled(page);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  const kept = () =>
    page.evaluate(async () =>
      (await (await caches.open('innate-files')).keys()).map(({ url }) => url).join(' '),
    );
  for (const file of [
    'previews/celeba',
    'data/index.json',
    'fashion-mnist-32x32-teacher',
    'cifar10-resnet56',
  ])
    await expect.poll(kept, { timeout: 60_000 }).toContain(file);
  host.close();
  await context.setOffline(true);
  const missing: string[] = [];
  page.on('requestfailed', (request) => missing.push(request.url()));
  await page.reload();
  await settled(page);
  await expect(images(page, /seed 0$/)).toHaveCount(1);
  for (const tab of ['Distil', 'Layers', 'Models', 'Generate']) {
    await page.getByRole('tab', { name: tab }).click();
    await expect(page.getByRole('heading', { level: 1, name: tab })).toBeAttached();
    await expect(page.getByRole('alert')).toHaveText([]);
  }
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('combobox', { name: 'Find an action' })).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Random seed' }).click();
  await expect(page).toHaveURL(/seed=[1-9]/);
  const seed = /seed=(\d+)/.exec(page.url())![1];
  await expect(images(page, new RegExp(`seed ${seed}$`))).toHaveCount(1);
  expect(missing).toEqual([]);
  expect(foreign).toEqual([]);
});
