import { readFileSync } from 'node:fs';
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page, test } from '@playwright/test';
import { type InspectionJson, readActivations } from '../src/lib/activations';
import { type App, openApp, pixels } from './app';

let app: App;
test.afterEach(() => app?.close());

const FASHION = '#/layers?model=fashion-mnist-32x32-gdd-i';
const BEFOREHAND = JSON.parse(
  readFileSync('public/layers/fashion-mnist-32x32-teacher.json', 'utf8'),
) as InspectionJson;

const map = (page: Page) => page.getByRole('group', { name: /by block and sigma/ });
const table = (page: Page) => page.getByRole('table', { name: /mean over the images/ });
/** Number of a cell in the table behind the map. */
const cell = async (page: Page, block: string, level: number) =>
  Number(
    await table(page)
      .getByRole('row', { name: new RegExp(`^${block.replace('.', '\\.')},`) })
      .getByRole('cell')
      .nth(level)
      .textContent(),
  );
/** Fill of a cell of the drawing, as bytes. */
const fill = (page: Page, row: number, level: number, levels = 18) =>
  page
    .locator('.map-area rect')
    .nth(row * levels + level)
    .evaluate((rect) => (getComputedStyle(rect).fill.match(/[\d.]+/g) ?? []).map(Number));
const measured = (page: Page) =>
  expect(page.locator('.origin')).toContainText(/Measured here .*whole in/, { timeout: 150_000 });

test('a map at once, the live one follows with the same numbers; cells, keys, unfolding', async () => {
  app = await openApp({ at: `${FASHION}&guide=0`, backend: 'wasm' });
  const { page, complaints, foreign } = app;
  await expect(map(page)).toBeVisible();
  await expect(page.locator('.origin')).toContainText('Measured beforehand');
  const rows = BEFOREHAND.blocks.length;
  await expect(page.locator('.map-area rect')).toHaveCount(rows * 18);
  const stored = readActivations(BEFOREHAND);
  const block = 'dec.32x32_block0';
  const row = stored.rows.findIndex((r) => r.name === block);
  expect(await cell(page, block, 0)).toBeCloseTo(stored.cell('rms', row, 0)!.mean, 2);
  // Row by row: the highest value of the row has the darkest colour, the lowest that of the page.
  const means = BEFOREHAND.sigmas.map((_, level) => stored.cell('rms', row, level)!.mean);
  const dark = await fill(page, row, means.indexOf(Math.max(...means)));
  const pale = await fill(page, row, means.indexOf(Math.min(...means)));
  expect(dark).toEqual([11, 19, 38]);
  expect(pale).toEqual([240, 241, 232]);

  await measured(page);
  // The same images: the live numbers are those of the command line, to the digits that are shown.
  for (const level of [0, 4, 9, 13, 17])
    expect((await cell(page, block, level)) / stored.cell('rms', row, level)!.mean).toBeCloseTo(1, 2);
  await expect(page.getByText(/of its 20 blocks/)).toBeVisible();

  await map(page).focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await expect(page.locator('.map-readout')).toContainText(/at sigma 58: [\d.]+ ± [\d.]+ over 8 images/);
  await page.keyboard.press('+');
  await expect(page.locator('.map-names li.inner')).toHaveText(
    [/norm0/, /conv0/, /affine/, /norm1/, /conv1/, /skip/],
    { timeout: 150_000 },
  );
  await page.keyboard.press('-');
  await expect(page.locator('.map-names li.inner')).toHaveCount(0);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'dec.32x32_up' })).toBeFocused();
  expect(complaints).toEqual([]);
  expect(foreign).toEqual([]);
});

test('a click shows the cell’s feature maps; a silenced block changes the image at once', async () => {
  app = await openApp({ at: `${FASHION}&guide=0`, backend: 'wasm' });
  const { page } = app;
  await expect(map(page)).toBeVisible();
  const box = (await map(page).boundingBox())!;
  await page.mouse.click(box.x + box.width * (4.5 / 18), box.y + 17 * 4.5); // row 4, level 4
  await expect(page.getByRole('heading', { name: 'enc.16x16_block0' })).toBeVisible();
  await expect(page.getByText('16 × 16, 64 channels')).toBeVisible();
  const tile = page.getByRole('img', { name: 'Teacher at sigma 19, channel 0' });
  await expect(tile).toBeVisible({ timeout: 60_000 });
  const before = await pixels(tile);
  expect(new Set(before).size).toBeGreaterThan(20);
  await expect(page.getByText(/^All 64/)).toBeVisible();
  // Darker by 40 dB: everything tends to the colour of the page.
  await page.getByRole('slider', { name: 'Brightness' }).focus();
  await page.keyboard.press('Home');
  await expect.poll(async () => new Set(await pixels(tile)).size).toBeLessThan(20);
  await page.getByRole('button', { name: 'Later channels' }).click();
  await expect(page.getByText('24 to 47 of 64')).toBeVisible();
  await page.getByRole('button', { name: 'Student at 2.5' }).click();
  await expect(page.getByRole('img', { name: 'Student at sigma 2.5, channel 24' })).toBeVisible({
    timeout: 60_000,
  });

  const image = page.getByRole('img', { name: /Clothes, one step.*one step from sigma 2.5/ });
  await expect(image).toBeVisible();
  const whole = await pixels(image);
  await page.getByRole('button', { name: 'Silence block' }).click();
  await expect
    .poll(async () => difference(await pixels(image), whole), { timeout: 60_000 })
    .toBeGreaterThan(4);
  await expect(page).toHaveURL(/gain=enc\.16x16_block0:0/);
  await page.getByRole('button', { name: 'Silenced' }).click();
  await expect.poll(async () => difference(await pixels(image), whole), { timeout: 60_000 }).toBe(0);
});

test('a link restores the view; exports hold the numbers that are shown', async () => {
  app = await openApp({
    at: `${FASHION}&quantity=entropy&scale=global&levels=8&samples=2&layer=dec.8x8_in0&at=2.5&guide=0`,
    backend: 'wasm',
  });
  const { page } = app;
  await measured(page);
  await expect(page.getByLabel('Quantity')).toHaveValue('entropy');
  await expect(page.getByRole('button', { name: 'Global' })).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByRole('textbox', { name: 'Sigma value', exact: true })).toHaveValue('2.5');
  // Three blocks have attention; the rest of the map is empty.
  await expect(page.locator('.map-area rect')).toHaveCount(3 * 8);
  const save = async (label: string) => {
    const download = page.waitForEvent('download');
    await page.locator('.export summary').click();
    await page.getByRole('button', { name: label }).click();
    return readFileSync(await (await download).path());
  };
  const json = JSON.parse((await save('Numbers, JSON')).toString()) as InspectionJson;
  expect(json.model).toBe('fashion-mnist-32x32-teacher');
  expect(json.blocks).toHaveLength(20);
  expect(json.blocks[0]!.rmsPerSample[7]).toHaveLength(2);
  expect(json.student?.blocks).toHaveLength(20);
  const exported = readActivations(json);
  const row = exported.rows.findIndex((r) => r.name === 'dec.8x8_in0');
  expect(await cell(page, 'dec.8x8_in0', 3)).toBeCloseTo(exported.cell('entropy', row, 3)!.mean, 2);
  const csv = (await save('Numbers, CSV')).toString().split('\n');
  expect(csv[0]).toBe('network,layer,resolution,channels,sigma,quantity,mean,spread,images');
  expect(
    csv.filter((l) => l.startsWith('teacher,dec.8x8_in0,8,64,') && l.includes(',entropy,')),
  ).toHaveLength(8);
  const svg = (await save('Drawing, SVG')).toString();
  expect(svg).toContain('dec.8x8_in0');
  expect(svg).not.toContain('NaN');
  const png = await save('Picture, PNG');
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  expect(png.length).toBeGreaterThan(5000);
});

test('the live map on WebGPU has the numbers of WebAssembly', async () => {
  app = await openApp({ at: `${FASHION}&samples=2&guide=0`, backend: 'webgpu' });
  const { page, complaints } = app;
  await measured(page);
  await expect(page.locator('.origin')).toContainText('webgpu');
  const stored = readActivations(BEFOREHAND);
  // At 80 the input is noise of the same seeds: the picture underneath hardly counts.
  for (const block of ['enc.32x32_conv', 'enc.32x32_block0', 'dec.32x32_block0']) {
    const row = stored.rows.findIndex((r) => r.name === block);
    const [a, b] = stored.samples('rms', row, 0);
    expect((await cell(page, block, 0)) / ((a! + b!) / 2)).toBeCloseTo(1, 1);
  }
  expect(complaints).toEqual([]);
});

test('while the map is measured, no step of the guide shows a picture of another one', async () => {
  app = await openApp({ at: '#/layers?model=afhq-cat-64x64-gdd-i', backend: 'wasm' });
  const { page, complaints } = app;
  const guide = page.getByRole('region', { name: 'Guide' });
  const busy = guide.locator('figure[aria-busy="true"]');
  await expect(map(page)).toBeVisible();
  await expect(busy).toHaveCount(0, { timeout: 60_000 });
  const clear = await pixels(page.getByRole('img', { name: 'Guide: Teacher’s guess' }));
  await guide.getByRole('button', { name: 'Next' }).click();
  await expect(guide).toContainText('one step of the teacher gives a blur');
  // Nothing at first, then the blur of sigma 80: never the clear picture of the step before.
  const seen = await page.evaluate(async () => {
    const canvas = document.querySelector<HTMLCanvasElement>('.guide figure canvas')!;
    const all: number[][] = [];
    for (const end = performance.now() + 400; performance.now() < end; ) {
      if (!canvas.hasAttribute('data-empty'))
        all.push([...canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data]);
      await new Promise((resolve) => setTimeout(resolve, 16));
    }
    return all;
  });
  for (const picture of seen) expect(difference(picture, clear)).toBeGreaterThan(4);
  await expect(page.getByText('Cancel')).toBeVisible(); // it is still being measured
  await expect(busy).toHaveCount(0, { timeout: 30_000 });

  // Other inputs while it is measured: nothing is drawn NaN wide, and a stopped map says so.
  for (const input of ['Noise', 'Trajectory', 'Noise']) {
    await page.getByRole('button', { name: input, exact: true }).click();
    await expect(page.locator('.origin')).toContainText('so far', { timeout: 60_000 });
  }
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page.locator('.origin')).toContainText(/^Stopped: /);
  await expect(page.locator('.origin')).not.toContainText('8 images');
  expect(complaints).toEqual([]);
});

test('the guide walks through seven steps with pictures, and can be left', async () => {
  app = await openApp({ at: FASHION, backend: 'wasm' });
  const { page } = app;
  const guide = page.getByRole('region', { name: 'Guide' });
  for (let step = 1; step <= 7; step++) {
    await expect(guide).toContainText(`${step} of 7`);
    if (step === 2)
      await expect(page.getByRole('img', { name: 'Guide: Teacher, 18 steps' })).toBeVisible({
        timeout: 120_000,
      });
    if (step === 5) await expect(guide).toContainText(/of 20 blocks/);
    if (step === 6) await expect(guide).toContainText(/\d+ % of the student’s weights/);
    await guide.getByRole('button', { name: step < 7 ? 'Next' : 'Done' }).click();
  }
  await expect(guide).toHaveCount(0);
  await page.getByRole('button', { name: /Guide/ }).click();
  await page.getByRole('button', { name: 'Close guide' }).click();
  await expect(guide).toHaveCount(0);
});

for (const theme of ['light', 'dark'] as const)
  test(`axe finds nothing in the whole tab, ${theme}; nothing scrolls sideways at 390 px`, async () => {
    app = await openApp({
      at: `${FASHION}&levels=8&samples=1`,
      backend: 'wasm',
      context: { colorScheme: theme },
    });
    const { page } = app;
    await measured(page);
    await expect(page.getByRole('img', { name: /channel 0$/ })).toBeVisible({ timeout: 60_000 });
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((v) => `${v.id} ${v.nodes[0]?.target}`)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(wide).toBeLessThanOrEqual(inner!);
  });

/** Mean absolute difference of bytes. */
function difference(a: number[], b: number[]): number {
  return a.reduce((sum, v, i) => sum + Math.abs(v - b[i]!), 0) / a.length;
}
