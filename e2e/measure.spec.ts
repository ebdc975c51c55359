import { expect, test } from '@playwright/test';
import { type App, openApp } from './app';
import { violations } from './axe';
import { closeDialog, setNumber } from './distil-page';

let app: App;
test.afterEach(() => app?.close());

test('any model is measured, with its floor', async () => {
  app = await openApp({ at: '#/models?model=fashion-mnist-32x32-gdd-i&count=1', backend: 'wasm' });
  const { page, foreign } = app;
  await page.getByRole('button', { name: 'Measure Clothes, one step (GDD-I)' }).click();
  const dialog = page.getByRole('dialog', { name: /^Measure/ });
  await setNumber(page, 'Images generated', 64);
  expect(await violations(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Start' }).click();
  const result = dialog.getByRole('status');
  await expect(result).toContainText('Features: ResNet-56', { timeout: 150_000 });
  const text = (await result.textContent())!;
  const value = Number(/^[\d.]+/.exec(text)![0]);
  const floor = Number(/floor ([\d.]+)/.exec(text)![1]);
  expect(floor).toBeLessThan(value);
  expect(value).toBeLessThan(6); // 1.95 with n 1,000; few images cost a little
  expect(text).toMatch(/at 1 NFE.*n = 64 against [\d,]+ images/);
  await expect(dialog.getByRole('row')).toHaveText([/^Metric/, /^FD/, /^KD/, /^Precision/, /^Recall/]);
  expect(await violations(page)).toEqual([]);
  await closeDialog(page);
  await expect(page.getByText(/^Measured here: FD/)).toBeVisible();
  expect(foreign).toEqual([]);
});
