import { expect, test } from '@playwright/test';
import { type App, commandLineImages, images, maxDifference, openApp, pixels, settled } from './app';

let app: App;
test.afterEach(() => app?.close());

const MODEL = 'fashion-mnist-32x32-gdd-i';

test('an isolated page without WebGPU runs on several threads and makes the command line’s images', async () => {
  app = await openApp({ adapter: 'none', at: `#/generate?model=${MODEL}&count=4&class=1` });
  const { page, complaints } = app;
  await settled(page);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  await expect(page.getByRole('status').first()).toContainText(/\b([2-9]|1\d) threads/);
  const found = await pixels(images(page, /seed 0, class trouser/).first());
  const [expected] = commandLineImages(MODEL, [0], '--class', '1', '--backend', 'wasm');
  expect(maxDifference(found, expected!)).toBeLessThanOrEqual(1);
  expect(complaints).toEqual([]);
});
