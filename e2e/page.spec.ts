import { expect, test } from '@playwright/test';
import { type App, images, openApp, settled } from './app';

let app: App;
test.afterEach(() => app?.close());

const SMALL = '#/generate?model=fashion-mnist-32x32-gdd-i&count=4';

test('a part that the host no longer has: its tab says so, the others work, a reload brings it and keeps the view', async () => {
  app = await openApp({
    at: `${SMALL}&seed=12`,
    prepare: async (page) => {
      await page.route(/LayersView-.*\.js$/, (route) => route.fulfill({ status: 404 }));
    },
  });
  const { page } = app;
  await settled(page);
  await page.getByRole('tab', { name: 'Layers' }).click();
  await expect(page.getByRole('alert')).toContainText('A part of this page could not be loaded');
  await page.getByRole('tab', { name: 'Generate' }).click();
  await expect(images(page, /seed 12/)).toHaveCount(1);
  await page.getByRole('tab', { name: 'Layers' }).click();
  await page.unroute(/LayersView-.*\.js$/);
  await page.getByRole('button', { name: 'Reload the page' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Layers' })).toBeAttached({ timeout: 60_000 });
  await expect(page).toHaveURL(/#\/layers\?.*seed=12/);
});

test('a first visit has the other tabs before they are asked for: they open when the host is gone', async () => {
  app = await openApp({ at: SMALL });
  const { page, host } = app;
  const parts = [
    'DistilView',
    'controller',
    'WhatTrains',
    'RunView',
    'LayersView',
    'ModelsView',
    'ConsentDialog',
    'Help',
  ];
  const loaded = () =>
    page.evaluate(() =>
      performance
        .getEntriesByType('resource')
        .map(({ name }) => name)
        .join(' '),
    );
  for (const part of parts) await expect.poll(loaded).toMatch(new RegExp(`/${part}-[^ ]*\\.js`));
  await settled(page);
  host.close();
  await page.context().setOffline(true);
  for (const tab of ['Distil', 'Layers', 'Models']) {
    await page.getByRole('tab', { name: tab }).click();
    await expect(page.getByRole('heading', { level: 1, name: tab })).toBeAttached();
  }
});

test('Back and Forward walk through the tabs; a drag adds nothing to the history', async () => {
  app = await openApp({ at: SMALL });
  const { page } = app;
  await settled(page);
  const before = await page.evaluate(() => history.length);
  const slider = page.getByRole('slider', { name: 'Seed', exact: true });
  await slider.focus();
  for (let i = 0; i < 10; i++) await page.keyboard.press('ArrowRight');
  await page.getByRole('tab', { name: 'Distil' }).click();
  await page.getByRole('tab', { name: 'Models' }).click();
  expect(await page.evaluate(() => history.length)).toBe(before + 2);
  await page.goBack();
  await expect(page.getByRole('tab', { name: 'Distil', selected: true })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole('tab', { name: 'Generate', selected: true })).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Seed value' })).toHaveValue('10');
  await page.goForward();
  await expect(page.getByRole('tab', { name: 'Distil', selected: true })).toBeVisible();
});

test('a newcomer learns what this is; ? says the same', async () => {
  app = await openApp({ at: SMALL });
  const { page } = app;
  await expect(page.getByText('A one-step generator needs one')).toBeVisible();
  await page.getByRole('button', { name: 'Learn more' }).click();
  const help = page.getByRole('dialog', { name: 'About Innate' });
  for (const term of ['One step', 'GDD and GDD-I', 'Sigma'])
    await expect(help.getByText(term, { exact: true })).toBeVisible();
  await expect(help.getByRole('link', { name: /Innate One-Step Generators/ })).toHaveAttribute(
    'href',
    'https://arxiv.org/abs/2405.20750',
  );
  const notices = await page.request.get(
    new URL((await help.getByRole('link', { name: 'third-party notices' }).getAttribute('href'))!, page.url())
      .href,
  );
  expect(await notices.text()).toContain('Yerlan Idelbayev');
  await page.keyboard.press('Escape');
  await expect(help).toHaveCount(0);
  await page.locator('body').press('?');
  await expect(help).toBeVisible();
  expect(app.foreign).toEqual([]);
});

test('Class takes words and whole numbers, a long seed is shown whole, a bad link is explained', async () => {
  app = await openApp({ at: `${SMALL}&seed=4294967290&class=3&sampler=euler` });
  const { page } = app;
  await expect(page.getByText(/sampler “euler”/)).toBeVisible();
  const seed = page.getByRole('textbox', { name: 'Seed value' });
  await expect(seed).toHaveValue('4294967290');
  expect(await seed.evaluate((e) => e.scrollWidth <= e.clientWidth)).toBe(true);
  const slider = page.getByRole('slider', { name: 'Class', exact: true });
  await slider.focus();
  await page.keyboard.press('Alt+ArrowUp');
  const field = page.getByRole('textbox', { name: 'Class value' });
  await expect(field).toHaveValue('4');
  await field.fill('auto');
  await field.press('Enter');
  await expect(page).not.toHaveURL(/class=/);
  await expect(page.getByRole('combobox', { name: 'Class name' })).toHaveValue('');
  await field.fill('sneaker');
  await field.press('Enter');
  await expect(field).toHaveValue('7');
  await page.goto(`${app.host.url}#/no/such/page`);
  await expect(page.getByText(/names the page “no\/such\/page”/)).toBeVisible();
});

test('on a phone a tab begins at its top, wherever the one before was left', async () => {
  app = await openApp({ at: '#/models', context: { viewport: { width: 390, height: 844 } } });
  const { page } = app;
  const scrolled = () => page.evaluate(() => scrollY);
  await expect(page.getByRole('heading', { name: 'ImageNet-64' })).toBeVisible();
  // The list grows while its pictures come.
  await expect
    .poll(async () => {
      await page.evaluate(() => scrollTo(0, 900));
      return scrolled();
    })
    .toBe(900);
  await page.getByRole('tab', { name: 'Generate' }).click();
  await expect(page.getByRole('tabpanel', { name: 'Generate' })).toBeVisible();
  await expect.poll(scrolled).toBe(0);
});
