import { expect, test } from '@playwright/test';
import { type App, images, openApp, settled } from './app';

let app: App;
test.afterEach(() => app?.close());

test('under a sub-path of a plain host: isolated by the service worker, and offline after the first visit', async () => {
  app = await openApp({
    at: '#/generate?count=1',
    host: { subPath: '/some/where/', isolated: false },
    context: { serviceWorkers: 'allow' },
  });
  const { page, context, foreign } = app;
  await settled(page);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await expect.poll(() => page.evaluate(() => crossOriginIsolated), { timeout: 60_000 }).toBe(true);
  await settled(page);
  await context.setOffline(true);
  await page.reload();
  await settled(page);
  await expect(images(page, /seed 0$/)).toHaveCount(1);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  expect(foreign).toEqual([]);
});
