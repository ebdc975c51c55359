import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { type App, openApp, settled } from './app';

let app: App;
test.afterEach(() => app?.close());

const SMALL = '#/generate?model=fashion-mnist-32x32-gdd-i&count=4';
const TABS = ['Generate', 'Distil', 'Layers', 'Models'];

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

for (const [theme, width, context] of [
  ['light', 'wide', {}],
  ['dark', 'wide', {}],
  ['light', '390 px', PHONE],
  ['dark', '390 px', PHONE],
] as const)
  test(`axe finds nothing on any tab, ${theme}, ${width}`, async () => {
    app = await openApp({ at: `${SMALL}&pins=3;5`, context: { colorScheme: theme, ...context } });
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
  app = await openApp({ at: SMALL, context: PHONE });
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
