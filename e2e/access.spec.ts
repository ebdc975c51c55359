import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { type App, openApp, settled } from './app';

let app: App;
test.afterEach(() => app?.close());

const SMALL = '#/generate?model=fashion-mnist-32x32-gdd-i&count=4';
const TABS = ['Generate', 'Distil', 'Layers', 'Models'];

for (const theme of ['light', 'dark'] as const)
  test(`axe finds nothing on any tab, ${theme}`, async () => {
    app = await openApp({ at: SMALL, context: { colorScheme: theme } });
    const { page } = app;
    await settled(page);
    for (const tab of TABS) {
      await page.getByRole('tab', { name: tab }).click();
      await expect(page.getByRole('heading', { level: 1 })).toBeAttached(); // the tab's code is there
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map((v) => `${tab}: ${v.id} ${v.nodes[0]?.target}`)).toEqual([]);
      await expect(page.getByLabel('Open checkpoint')).toHaveCount(1);
    }
  });

test('at 390 px nothing scrolls sideways and every tab is in reach', async () => {
  app = await openApp({
    at: SMALL,
    context: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  });
  const { page } = app;
  await settled(page);
  for (const tab of TABS) {
    await page.getByRole('tab', { name: tab }).click();
    const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(wide).toBeLessThanOrEqual(inner!);
  }
});

test('the keyboard is enough: R, G, arrows in the grid', async () => {
  app = await openApp({ at: SMALL });
  const { page } = app;
  await settled(page);
  await page.locator('body').press('r');
  await expect(page).toHaveURL(/seed=\d+/);
  await page.getByRole('button', { name: 'Generate' }).focus();
  await page.keyboard.press('Enter');
  await settled(page);
});
