import { expect, test } from '@playwright/test';
import { type App, openApp, settled } from './app';
import { completeSliders } from './sliders';

const MODEL = 'fashion-mnist-32x32-gdd-i';

let app: App;
test.afterEach(() => app?.close());

test('every slider of Generate has a numeric twin and a way back, those of a path too', async () => {
  app = await openApp({
    at: `#/generate?model=${MODEL}&class=1&mix=7:0.4&count=2&pins=3;9`,
    backend: 'wasm',
  });
  const { page } = app;
  await settled(page);
  await page.getByRole('checkbox', { name: 'Noise of this image' }).check();
  await expect(page.getByRole('slider', { name: 'Strength' })).toBeVisible();
  const names = ['Seed', 'Class', 'Mix', 'Start sigma', 'Temperature', 'Brush', 'Strength'];
  expect(await completeSliders(page)).toEqual(names);

  await page.getByRole('button', { name: 'Play a path' }).click();
  await expect(page.getByRole('slider', { name: 'Frame' })).toBeVisible();
  expect(await completeSliders(page)).toContain('Frame');
  await page.getByRole('button', { name: 'Pause' }).click();
  const frame = page.getByRole('textbox', { name: 'Frame value' });
  await frame.fill('5');
  await frame.press('Enter');
  await expect(page.getByRole('slider', { name: 'Frame' })).toHaveAttribute('aria-valuetext', /^frame 5 of/);
  await page.getByRole('button', { name: 'Back to the first frame' }).click();
  await expect(frame).toHaveValue('1');
  await expect(page.getByRole('slider', { name: 'Frame' })).toBeFocused();
});

test('every slider of Layers has a numeric twin and a way back', async () => {
  app = await openApp({ at: `#/layers?model=${MODEL}&guide=0`, backend: 'wasm' });
  const { page } = app;
  await expect(page.getByRole('slider', { name: 'Block gain' })).toBeVisible({ timeout: 60_000 });
  await page
    .getByRole('group', { name: 'Compare feature maps with' })
    .getByRole('button', { name: /sigma/i })
    .click();
  await expect(page.getByRole('slider', { name: 'Brightness' })).toBeVisible({ timeout: 60_000 });
  const names = await completeSliders(page);
  expect(names.toSorted()).toEqual(['Block gain', 'Brightness', 'Other sigma', 'Sigma']);
});
