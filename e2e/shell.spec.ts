import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { type App, openApp, settled } from './app';
import { holdStill, measureNoMap, STILL_ARGS, stillPicture } from './still';

let app: App;
test.afterEach(() => app?.close());

const MODEL = 'model=fashion-mnist-32x32-gdd-i';
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** What is to be seen before the first state of a tab is whole. */
const TABS = {
  generate: {
    at: `#/generate?${MODEL}`,
    ready: async (page) => {
      await settled(page);
      await expect(page.getByText(/^\d+ images, 1 pass each$/)).toBeVisible();
      await expect(page.getByRole('button', { name: 'Export', exact: true })).toBeVisible();
    },
  },
  distil: {
    at: `#/distil?${MODEL}`,
    ready: async (page) => {
      await expect(page.getByRole('button', { name: 'Start', exact: true })).toBeEnabled();
      await expect(page.getByText(/^What trains: level 1, \d+ %$/)).toBeAttached();
    },
  },
  layers: {
    at: `#/layers?${MODEL}`,
    ready: async (page) => {
      await expect(page.locator('.origin')).toContainText('Measured beforehand');
      await expect(page.getByText('All 64', { exact: true })).toBeVisible();
      await expect(page.locator('[aria-busy="true"]')).toHaveCount(0, { timeout: 60_000 });
    },
  },
  models: {
    at: `#/models?${MODEL}`,
    ready: (page) =>
      expect(page.getByRole('complementary', { name: 'This machine' })).toContainText('threads'),
  },
} satisfies Record<string, { at: string; ready: (page: App['page']) => Promise<void> }>;

for (const [look, context] of [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['390', { colorScheme: 'light', ...PHONE }],
] as const)
  test(`each tab looks as it did, pictures aside: ${look}`, async () => {
    app = await openApp({
      adapter: 'none',
      at: TABS.generate.at,
      backend: 'wasm',
      args: STILL_ARGS,
      context: { reducedMotion: 'reduce', ...context },
      prepare: async (page) => {
        await holdStill(page);
        await page.addInitScript(measureNoMap);
      },
    });
    const { page, host } = app;
    for (const [tab, { at, ready }] of Object.entries(TABS)) {
      await page.goto(`${host.url}${at}`);
      await ready(page);
      expect.soft(await stillPicture(page)).toMatchSnapshot(`${tab}-${look}.png`);
    }
  });

test('the pictures of the tabs stay small', () => {
  const folder = join(import.meta.dirname, 'snapshots');
  const bytes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
  expect(bytes).toHaveLength(12);
  expect(bytes.reduce((a, b) => a + b)).toBeLessThan(600_000);
});
