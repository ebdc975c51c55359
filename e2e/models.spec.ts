import AxeBuilder from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { tinyAdm } from '../tests/support/tiny-adm';
import { type App, images, openApp, settled } from './app';

let app: App;
test.afterEach(() => app?.close());

const SMALL = 'model=fashion-mnist-32x32-gdd-i&count=4';
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** Names of the rows of a data set's public models, from top to bottom. */
const rows = (page: Page, set: string) =>
  page
    .getByRole('table', { name: new RegExp(`Public models of ${set}:`) })
    .locator('tr.public-row th')
    .allTextContents();

const headings = (page: Page) => page.locator('.data-set').getByRole('heading', { level: 2 });

test('a section a data set, the best reported first, teachers last; nothing is asked of another host', async () => {
  app = await openApp({ at: `#/models?${SMALL}` });
  const { page } = app;
  await expect(headings(page)).toHaveText([
    ...['CIFAR-10', 'FFHQ', 'AFHQv2', 'ImageNet-64', 'CelebA', 'Fashion-MNIST'],
  ]);
  expect(await rows(page, 'FFHQ')).toEqual([
    'GDD-I of FFHQ',
    'SiDA of FFHQ',
    'SiD2A, alpha 1 of FFHQ',
    'SiD2A, alpha 1.2 of FFHQ',
    'EDM, VP of FFHQ, teacher',
  ]);
  await page.getByRole('button', { name: 'Two more of FFHQ' }).click();
  expect((await rows(page, 'FFHQ')).slice(3)).toEqual([
    'SiD2A, alpha 1.2 of FFHQ',
    'SiD of FFHQ',
    'EDM, VP of FFHQ, teacher',
    'EDM, VE of FFHQ, teacher',
  ]);
  // What authors report is called FID, with its source; ours is called FD and stands in no column.
  await expect(page.getByRole('columnheader', { name: 'FID, as reported' })).toHaveCount(4);
  const fid = page.getByRole('row', { name: 'SiDA of FFHQ' }).getByRole('link');
  await expect(fid).toHaveText(/family best 1\.04/);
  await expect(fid).toHaveAttribute('title', /README of mingyuanzhou\/SiD/);
  await expect(page.getByText(/^FD 0\.736 at 1 NFE/)).toBeVisible();
  await expect(page.locator('.public-table').getByText(/\bFD\b/)).toHaveCount(0);
  expect(app.foreign).toEqual([]);
});

test('a row opens what else is known of it', async () => {
  app = await openApp({ at: `#/models?${SMALL}` });
  const { page } = app;
  const name = page.getByRole('button', { name: 'GDD of AFHQv2', exact: true });
  await name.click();
  await expect(name).toHaveAttribute('aria-expanded', 'true');
  await expect(page.getByText(/download afhqv2_gdd\.pkl/)).toBeVisible();
  await expect(page.getByText('MIT (its repository); made from EDM, CC BY-NC-SA 4.0')).toBeVisible();
  await expect(page.getByRole('link', { name: /Diffusion Models Are Innate/ })).toHaveAttribute(
    'href',
    'https://arxiv.org/abs/2405.20750',
  );
  await expect(page.getByRole('button', { name: 'Copy address of GDD AFHQv2' })).toBeVisible();
  await page.getByRole('button', { name: 'How to get GDD AFHQv2' }).click();
  await expect(name).toHaveAttribute('aria-expanded', 'false');
});

test('search finds in all sections, and says when there is nothing', async () => {
  app = await openApp({ at: `#/models?${SMALL}` });
  const { page } = app;
  const search = page.getByRole('searchbox', { name: 'Search models' });
  await search.fill('sid2a by class');
  await expect(headings(page)).toHaveText(['CIFAR-10']);
  expect(await rows(page, 'CIFAR-10')).toEqual([
    'SiD2A, alpha 1 of CIFAR-10, by class',
    'SiD2A, alpha 1.2 of CIFAR-10, by class',
  ]);
  await search.fill('faces teacher');
  expect(await rows(page, 'FFHQ')).toEqual(['EDM, VP of FFHQ, teacher', 'EDM, VE of FFHQ, teacher']);
  await search.fill('stable diffusion');
  await expect(page.getByText('No model fits “stable diffusion”.')).toBeVisible();
  await page.getByRole('button', { name: 'Clear' }).click();
  await expect(headings(page)).toHaveCount(6);
  await page.getByRole('checkbox', { name: 'On this device' }).check();
  await expect(headings(page)).toHaveText(['CIFAR-10', 'AFHQv2', 'CelebA', 'Fashion-MNIST']);
  await page.getByRole('button', { name: 'Use Cats, diffusion teacher' }).click();
  await expect(page.getByRole('tab', { name: 'Generate', selected: true })).toBeVisible();
});

test('a class is found by its name, a synonym or its number', async () => {
  app = await openApp({ at: `#/generate?${SMALL}`, backend: 'wasm' });
  const { page } = app;
  await settled(page);
  await page
    .getByLabel('Open checkpoint')
    .setInputFiles({ name: 'tiny.safetensors', mimeType: 'application/octet-stream', buffer: tinyAdm() });
  const field = page.getByRole('combobox', { name: 'Class name' });
  await expect(field).toHaveAttribute('placeholder', /Search 1,000 classes/);
  const slider = page.getByRole('slider', { name: 'Class', exact: true });
  await expect(slider).toHaveAttribute('aria-valuetext', /random, from the seed: [a-zA-Z]/);

  await field.fill('persian');
  await expect(field).toHaveAttribute('aria-expanded', 'true');
  const offered = page.getByRole('listbox', { name: 'Class name' }).getByRole('option');
  await expect(offered.first()).toHaveText('283Persian cat');
  const active = await field.getAttribute('aria-activedescendant');
  await expect(offered.first()).toHaveAttribute('id', active!);
  await field.press('Enter');
  await expect(field).toHaveAttribute('aria-expanded', 'false');
  await expect(slider).toHaveAttribute('aria-valuetext', 'Persian cat');
  await expect(page).toHaveURL(/class=283/);
  await settled(page);
  await expect(images(page, /^tiny\.safetensors, seed 0, class Persian cat$/)).toHaveCount(1);

  await field.fill('puma');
  await expect(offered.first()).toHaveText(/286cougar puma/);
  await field.press('Escape');
  await expect(field).toHaveValue('283  Persian cat');
  await field.fill('28');
  await expect(offered).toHaveText([
    /^28spotted salamander/,
    /^280/,
    /^281/,
    /^282/,
    /^283/,
    /^284/,
    /^285/,
    /^286/,
    /^287/,
    /^288/,
    /^289/,
  ]);
  await field.press('ArrowDown');
  await field.press('ArrowDown');
  await field.press('Enter');
  await expect(page).toHaveURL(/class=281/);
  await field.fill('zebrafinch');
  await expect(page.getByText('No class is called “zebrafinch”.').first()).toBeVisible();
  await field.press('Enter'); // nothing to take
  await expect(page).toHaveURL(/class=281/);
  await field.press('Escape');
  await field.press('ArrowDown');
  await expect(offered.filter({ hasText: /^281/ })).toHaveAttribute('aria-selected', 'true');
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => `${v.id} ${v.nodes[0]?.target}`)).toEqual([]);
  await field.press('PageUp');
  await field.press('PageUp');
  await field.press('Enter');
  await expect(page).not.toHaveURL(/class=281/);
  // The field of the slider says what it does not know, too.
  const value = page.getByRole('textbox', { name: 'Class value' });
  await value.fill('no such thing');
  await value.press('Enter');
  await expect(page.getByText('No class is called “no such thing”.').first()).toBeVisible();
  expect(app.foreign).toEqual([]);
});

test('on a phone: nothing sideways, targets of 44, a class is searched above the tabs', async () => {
  app = await openApp({ at: `#/models?${SMALL}`, context: PHONE, backend: 'wasm' });
  const { page } = app;
  await page.getByRole('button', { name: 'GDD-I of CIFAR-10', exact: true }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Nine more of CIFAR-10' }).click();
  await page.getByRole('button', { name: 'GDD-I of CIFAR-10', exact: true }).click();
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(await wide()).toBeLessThanOrEqual(0);
  const small = await page
    .locator('.models-list :is(button, input[type="search"], .row-fid a, .details a)')
    .evaluateAll((elements) =>
      elements
        .filter((e) => e.getBoundingClientRect().height > 0 && e.getBoundingClientRect().height < 43.5)
        .map((e) => `${e.textContent} ${e.getBoundingClientRect().height}`),
    );
  expect(small).toEqual([]);
  // The data sets to jump to stand beside each other, as many as they are.
  const overlaps = await page.locator('.jump button').evaluateAll((elements) => {
    const boxes = elements.map((e) => [e.getBoundingClientRect().left, e.scrollWidth, e.clientWidth]);
    return boxes.filter(([left, text, own], i) => text! > own! || left! + own! > (boxes[i + 1]?.[0] ?? 1e9));
  });
  expect(overlaps).toEqual([]);
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => `${v.id} ${v.nodes[0]?.target}`)).toEqual([]);

  await page.getByRole('tab', { name: 'Generate' }).click();
  await page
    .getByLabel('Open checkpoint')
    .setInputFiles({ name: 'tiny.safetensors', mimeType: 'application/octet-stream', buffer: tinyAdm() });
  const field = page.getByRole('combobox', { name: 'Class name' });
  await field.fill('persian');
  await page.getByRole('option', { name: /Persian cat/ }).click();
  await expect(page).toHaveURL(/class=283/);
  expect(await wide()).toBeLessThanOrEqual(0);
});
