import { expect, test } from '@playwright/test';
import {
  type App,
  commandLineImages,
  images,
  inWorker,
  maxDifference,
  openApp,
  pixels,
  settled,
} from './app';

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

/** Ends the first thread that the engine starts, a moment after `after` ms. */
const killThread = (after: number): string => `{
  const { Worker } = self;
  let first = true;
  self.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      if (first) setTimeout(() => this.terminate(), ${after});
      first = false;
    }
  };
}`;

test('a thread dies: the page says so, starts the threads again and goes on', async () => {
  app = await openApp({
    adapter: 'none',
    at: `#/generate?model=${MODEL}&count=4&class=1`,
    prepare: (page) => inWorker(page, killThread(3000)),
  });
  const { page } = app;
  await settled(page);
  await page.waitForTimeout(7000); // the browser ends a thread that sleeps in a kernel only after two seconds
  await page.getByRole('slider', { name: 'Seed', exact: true }).focus();
  await page.keyboard.press('ArrowRight');
  await expect(page.getByText(/threads failed: they were started again/)).toHaveCount(1, { timeout: 60_000 });
  await settled(page);
  await expect(images(page, /seed 1, class trouser/)).not.toHaveCount(0);
  await expect(page.getByRole('status').first()).toContainText(/\b([2-9]|1\d) threads/);
});
