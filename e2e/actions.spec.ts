import { expect, test } from '@playwright/test';
import { type App, openApp, settled } from './app';
import { violations } from './axe';

let app: App;
test.afterEach(() => app?.close());

const SMALL = '#/generate?model=fashion-mnist-32x32-gdd-i&count=4';

test('Control and K finds an action by its name, does it, and has it first the next time', async () => {
  app = await openApp({ at: SMALL, backend: 'wasm' });
  const { page } = app;
  await settled(page);
  const field = page.getByRole('combobox', { name: 'Find an action' });
  const list = page.getByRole('listbox', { name: 'Actions' });
  await page.keyboard.press('Control+k');
  await expect(field).toBeFocused();
  // What cannot be done is listed, with its reason, and Enter does not do it.
  await field.fill('pause run');
  const pause = page.getByRole('option', { name: /Pause the run/ });
  await expect(pause).toHaveAttribute('aria-disabled', 'true');
  await expect(pause).toContainText('No run is under way');
  await page.keyboard.press('Enter');
  await expect(field).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await field.fill('smooth');
  await expect(list.getByRole('option').first()).toContainText(/Smooth or crisp pixels\s*S/);
  await page.keyboard.press('Enter');
  await expect(field).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Smooth', pressed: true })).toBeVisible();
  // From within a field too, where letters are typed.
  await page.getByRole('textbox', { name: 'Seed value' }).focus();
  await page.keyboard.press('Control+k');
  await expect(list.getByRole('option').first()).toContainText('Smooth or crisp pixels');
  // The models are found by their names.
  await field.fill('use cats');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/model=afhq-cat/);
  await page.keyboard.press('Control+k');
  await page.keyboard.press('Escape');
  await expect(field).toHaveCount(0);
  expect(app.complaints).toEqual([]);
});

test('Help lists every action with its key, and searches them; the keys do what it says', async () => {
  app = await openApp({ at: SMALL, backend: 'wasm' });
  const { page } = app;
  await settled(page);
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'About Innate' });
  await expect(help.getByText('Random seed', { exact: true })).toBeAttached();
  await help.getByRole('searchbox').fill('png');
  await expect(help.getByText('Save the selected image as PNG')).toBeVisible();
  await expect(help.getByText('Random seed', { exact: true })).toHaveCount(0);
  await page.keyboard.press('Escape'); // the field's own: it is emptied
  if (await help.isVisible()) await page.keyboard.press('Escape');
  await expect(help).toHaveCount(0);
  await page.keyboard.press('.');
  await page.keyboard.press('.');
  await expect(page.getByRole('textbox', { name: 'Seed value' })).toHaveValue('2');
  await page.keyboard.press(',');
  await expect(page.getByRole('textbox', { name: 'Seed value' })).toHaveValue('1');
  await page.keyboard.press('3');
  await expect(page.getByRole('heading', { level: 1, name: 'Layers' })).toBeAttached();
  await page.keyboard.press('1');
  const download = page.waitForEvent('download');
  await page.keyboard.press('Control+s');
  expect((await download).suggestedFilename()).toMatch(/seed-1.*\.png$/);
});
