import { readFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { GifReader } from 'omggif';
import { type App, images, openApp, settled } from './app';
import { hasEnded, seesImages } from './distil-page';
import { Keyboard } from './keyboard';

let app: App;
test.afterEach(() => app?.close());

const CLOTHES = '#/generate?model=fashion-mnist-32x32-gdd-i&count=4';

test('keys alone: generate, pin two, play the path between them, export it, close every dialog', async () => {
  app = await openApp({ at: CLOTHES, backend: 'wasm' });
  const { page, complaints } = app;
  const keys = new Keyboard(page);
  await settled(page);

  await keys.to(page.getByRole('slider', { name: 'Seed', exact: true }));
  await keys.press('ArrowRight', 'ArrowRight');
  await keys.to(page.getByRole('slider', { name: 'Class', exact: true }));
  await keys.press('ArrowRight');
  await keys.to(page.getByRole('button', { name: 'Generate', exact: true }));
  await keys.press('Enter');
  await expect(images(page, /seed 2, class /).first()).toBeVisible();
  await settled(page);

  await keys.to(page.getByRole('button', { name: 'Select image 1' }));
  await keys.press('p', 'ArrowRight', 'ArrowRight', 'p');
  const strip = page.getByRole('region', { name: 'Pinned' });
  await expect(strip.getByRole('listitem')).toHaveCount(2);
  await keys.to(strip.getByRole('button', { name: /Play a path/ }));
  await keys.press('Enter');
  await expect(page.getByText('48 of 48 made')).toBeVisible({ timeout: 60_000 });
  await keys.look('path');
  await keys.press('k');
  await expect(page.getByRole('button', { name: 'Play', exact: true })).toBeVisible();
  await keys.to(page.getByRole('slider', { name: 'Frame' }));
  await keys.press('Home', 'ArrowRight');
  await expect(page.getByRole('textbox', { name: 'Frame value' })).toHaveValue('2');

  await keys.to(page.getByRole('button', { name: 'Export', exact: true }), 'Shift+Tab');
  await keys.press('Enter', 'End', 'Home');
  const gifItem = page.getByRole('menuitem', { name: /Path, GIF/ });
  for (let i = 0; i < 12 && !(await gifItem.evaluate((e) => e === document.activeElement)); i++)
    await keys.press('ArrowDown');
  await keys.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Path as GIF' })).toBeVisible();
  await keys.look('GIF');
  const download = page.waitForEvent('download');
  await keys.press('Enter');
  const gif = new GifReader(await readFile(await (await download).path()));
  expect(gif.numFrames()).toBe(48);
  await keys.look('exported');
  await keys.to(page.getByRole('button', { name: 'Close path' }));
  await keys.press('Enter');
  await settled(page);
  await keys.look('closed');

  for (const [key, dialog] of [
    ['Control+k', 'Find an action'],
    ['?', 'About Innate'],
    ['Shift+K', 'Path from this image'],
    ['Shift+C', 'Code for this'],
  ] as const) {
    await page.keyboard.press(key);
    await expect(page.getByRole('dialog', { name: dialog })).toBeVisible();
    await keys.look(key);
    await keys.press('Tab', 'Tab', 'Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await keys.look(`${key}, Escape`);
  }
  expect(keys.faults).toEqual([]);
  expect(complaints).toEqual([]);
});

test('keys alone: through all tabs, start and stop a distillation, pick a cell of Layers', async () => {
  test.setTimeout(300_000);
  app = await openApp({ at: CLOTHES, backend: 'wasm' });
  const { page, complaints } = app;
  const keys = new Keyboard(page);
  await settled(page);
  await keys.to(page.getByRole('tab', { name: 'Generate' }));
  for (const tab of ['Distil', 'Layers', 'Models', 'Generate']) {
    await keys.press('ArrowRight');
    await expect(page.getByRole('heading', { level: 1, name: tab })).toBeAttached();
  }

  await keys.to(page.getByRole('slider', { name: 'Seed', exact: true }));
  await page.keyboard.press('2');
  await expect(page.getByRole('heading', { level: 1, name: 'Distil' })).toBeAttached();
  await keys.look('2');
  await keys.to(page.getByLabel('Preset'));
  await keys.press('ArrowUp');
  for (const [label, value] of [
    [/^Batch/, '4'],
    ['Images per quality check', '0'],
  ] as const) {
    await keys.to(page.getByRole('textbox', { name: label }));
    await keys.press('Control+a');
    await keys.type(value);
    await keys.press('Enter');
  }
  await keys.to(page.getByRole('button', { name: 'Start', exact: true }));
  await page.keyboard.press('Enter');
  await seesImages(page, 4);
  await keys.look('Start');
  await keys.to(page.getByRole('button', { name: 'Stop', exact: true }));
  await page.keyboard.press('Enter');
  await hasEnded(page, 'Stopped');
  await keys.look('Stop');
  await keys.to(page.getByRole('button', { name: 'Save', exact: true }));
  await keys.press('Enter', 'Tab', 'Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);

  await page.keyboard.press('3');
  const map = page.getByRole('group', { name: /by block and sigma/ });
  await expect(map).toBeVisible();
  await keys.look('3');
  await keys.to(map);
  await keys.press('ArrowDown', 'Home', 'ArrowRight');
  await expect(page.locator('.map-readout')).toContainText('at sigma 58');
  await keys.press('Enter');
  await expect(
    page.getByRole('complementary', { name: 'Selected layer' }).getByRole('heading').first(),
  ).toBeFocused();
  await keys.to(page.getByRole('button', { name: 'Silence block' }));
  await keys.press('Enter');
  await expect(page.getByRole('button', { name: 'Silenced' })).toBeFocused();

  await page.keyboard.press('4');
  await expect(page.getByRole('heading', { level: 1, name: 'Models' })).toBeAttached();
  await keys.look('4');
  await keys.to(page.getByRole('button', { name: /^Download/ }).first());
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await keys.look('Download');
  await keys.press('Tab', 'Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await keys.look('Download, Escape');
  expect(keys.faults).toEqual([]);
  expect(complaints).toEqual([]);
});
