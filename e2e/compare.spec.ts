import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { decode } from 'fast-png';
import { fileSource } from '../cli/files';
import { readFloat32 } from '../src/formats/tensor';
import { readNpz } from '../tests/support/npz';
import { type App, images, maxDifference, openApp, pixels } from './app';

const STUDENT = 'fashion-mnist-32x32-gdd-i';
const TEACHER = 'fashion-mnist-32x32-teacher';
const STUDENT_NAME = 'Clothes, one step (GDD-I)';
const TEACHER_NAME = 'Clothes, diffusion teacher';
const PAIR = `#/generate?mode=compare&row=${STUDENT}&row=${TEACHER}@heun:3`;
const PKL = join(import.meta.dirname, '../tests/fixtures/mini/mini-ncsnpp-16-cond.pkl');

let app: App;
test.afterEach(async () => {
  expect(app.foreign).toEqual([]);
  await app.close();
});

const rowOf = (page: Page, index: number): Locator => page.locator(`tr[data-row="${index}"]`);
const names = (page: Page) => page.locator('tr[data-row] .compared-name').allInnerTexts();

/** Waits until every image of every row that can be made is. */
async function filled(page: Page, count: number): Promise<void> {
  await expect(page.locator('.tile[data-state="made"]')).toHaveCount(count, { timeout: 120_000 });
}

/** Images of `innate compare`, [row][seed][pixels * channels]. */
function commandLine(rows: readonly string[], seeds: readonly number[], ...args: string[]): number[][][] {
  const file = join(mkdtempSync(join(tmpdir(), 'innate-e2e-')), 'rows.npz');
  const bin = join(import.meta.dirname, '../build/cli/innate.mjs');
  const command = [bin, 'compare', ...rows, '--seeds', seeds.join(), '--out', file, ...args];
  const run = spawnSync(process.execPath, command, { encoding: 'utf8' });
  expect(run.status, run.stderr).toBe(0);
  const array = readFloat32(readNpz(fileSource(file)).get('images')!);
  const size = array.length / rows.length / seeds.length;
  return rows.map((_, r) =>
    seeds.map((_, s) => [
      ...array.subarray((r * seeds.length + s) * size, (r * seeds.length + s + 1) * size),
    ]),
  );
}

for (const backend of ['wasm', 'webgpu'] as const)
  test(`the rows are what innate compare makes, and the headline says what one pass saves (${backend})`, async () => {
    app = await openApp({ backend, at: `${PAIR}&seed=17&class=7` });
    const { page, complaints } = app;
    await filled(page, 12);
    const seeds = [17, 18, 19, 20, 21, 22];
    await expect(page.getByRole('columnheader')).toHaveText(seeds.map((seed) => `seed ${seed}`));
    const reference = commandLine([STUDENT, `${TEACHER}@heun:3`], seeds, '--class', 'sneaker');
    for (const [r, title] of [STUDENT_NAME, `${TEACHER_NAME} at 5 NFE`].entries())
      for (const [s, seed] of seeds.entries()) {
        const image = page.getByRole('img', { name: `${title}, seed ${seed}, class sneaker`, exact: true });
        expect(maxDifference(await pixels(image), reference[r]![s]!)).toBeLessThanOrEqual(1);
      }
    // Where something else held the machine up during the student's pass, it has saved nothing: the next seeds tell.
    const headline = page.getByLabel('Time of one image');
    await expect(async () => {
      if (await headline.isVisible()) return;
      await page.getByRole('slider', { name: 'Seed', exact: true }).press('ArrowRight');
      await filled(page, 12);
      await expect(headline).toBeVisible({ timeout: 2_000 });
    }).toPass({ timeout: 60_000 });
    await expect(headline).toContainText(`one pass, ${STUDENT_NAME}`);
    await expect(headline).toContainText(`5 passes, ${TEACHER_NAME}`);
    const bars = await headline
      .locator('.versus-bar')
      .evaluateAll((all) => all.map((bar) => bar.getBoundingClientRect().width));
    const [fast, slow] = (await headline.locator('.reading').allInnerTexts()).map((text) =>
      Number(text.replace(/[^\d.]/g, '')),
    );
    expect(bars[0]! / bars[1]!).toBeCloseTo(fast! / slow!, 1);
    expect(complaints).toEqual([]);
  });

test('one press from the first view: the student, and its teacher in 35 evaluations', async () => {
  app = await openApp({ at: `#/generate?model=${STUDENT}&count=2` });
  const { page } = app;
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect(rowOf(page, 0).locator('.compared-name')).toHaveText(STUDENT_NAME);
  await expect(rowOf(page, 1)).toContainText('Heun, 18 steps, 35 NFE, sigma 80');
  await expect(rowOf(page, 1).getByRole('img', { name: '35 evaluations' })).toBeVisible({ timeout: 120_000 });
  // The first row is whole before the second begins.
  await filled(page, 12);
  await expect(page.getByLabel('Time of one image')).toContainText('35 passes');
  await page.getByRole('button', { name: 'One model' }).click();
  await expect(
    images(page, new RegExp(`^${STUDENT_NAME.replace(/[()]/g, '\\$&')}, seed [01], class`)),
  ).toHaveCount(2);
});

test('rows fill one after the other, and a new seed starts with the top row', async () => {
  app = await openApp({ at: `#/generate?mode=compare&row=${TEACHER}@heun:40&row=${STUDENT}` });
  const { page } = app;
  const made = (row: number) => rowOf(page, row).locator('.tile[data-state="made"]');
  await expect(made(0)).not.toHaveCount(0, { timeout: 120_000 });
  expect(await made(1).count()).toBe(0); // its turn comes when the first row is whole
  await expect(rowOf(page, 0).getByRole('progressbar')).toBeVisible();
  await expect(rowOf(page, 0)).toContainText(/\d of 6 seeds/);
  await page.getByRole('slider', { name: 'Seed', exact: true }).focus();
  await page.keyboard.press('Shift+ArrowRight');
  await expect(page).toHaveURL(/seed=10/);
  await expect(images(page, `${TEACHER_NAME} at 79 NFE, seed 10, class`).first()).toBeVisible({
    timeout: 120_000,
  });
  expect(await images(page, `${STUDENT_NAME}, seed 10, class`).count()).toBe(0);
  await filled(page, 12);
  await expect(images(page, /seed 1[0-5], class/)).toHaveCount(12);
});

test('rows are added, moved, removed and brought back', async () => {
  app = await openApp({ at: PAIR });
  const { page } = app;
  await filled(page, 12);
  await page.getByLabel('Model of the new row').selectOption(TEACHER);
  await page.getByRole('group', { name: 'Steps of the new row' }).getByRole('button', { name: '1' }).click();
  await page.getByRole('button', { name: 'Add row' }).click();
  await filled(page, 18);
  await expect(rowOf(page, 2)).toContainText('The teacher, once, 1 NFE, sigma 80');
  await expect(page).toHaveURL(new RegExp(`row=${TEACHER}$`));

  // Arrow keys, and the focus stays on the grip of the row that moves.
  await rowOf(page, 2)
    .getByRole('button', { name: /^Move row/ })
    .focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await expect(rowOf(page, 0)).toContainText('The teacher, once');
  await expect(rowOf(page, 0).getByRole('button', { name: /^Move row/ })).toBeFocused();

  // The pointer.
  const grip = (await rowOf(page, 0)
    .getByRole('button', { name: /^Move row/ })
    .boundingBox())!;
  const last = (await rowOf(page, 2).boundingBox())!;
  await page.mouse.move(grip.x + grip.width / 2, grip.y + grip.height / 2);
  await page.mouse.down();
  await page.mouse.move(grip.x, last.y + last.height / 2, { steps: 12 });
  await page.mouse.up();
  await expect(rowOf(page, 2)).toContainText('The teacher, once');
  expect(await names(page)).toEqual([STUDENT_NAME, TEACHER_NAME, TEACHER_NAME]);
  await filled(page, 18); // nothing was made anew

  await page.getByRole('button', { name: `Remove row ${TEACHER_NAME} at 5 NFE` }).click();
  await expect(rowOf(page, 2)).toHaveCount(0);
  await expect(page.getByText(`${TEACHER_NAME} at 5 NFE was removed`)).toBeVisible();
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(rowOf(page, 1)).toContainText('Heun, 3 steps');
  await expect(page.locator('.tile[data-state="made"]')).toHaveCount(18);
});

test('an image opens beside the rows with the settings of its row; a link brings all of it back', async () => {
  app = await openApp({ at: `${PAIR}&seed=3` });
  const { page } = app;
  await filled(page, 12);
  await page.getByRole('button', { name: `Open ${TEACHER_NAME} at 5 NFE, seed 4` }).click();
  const inspector = page.getByRole('complementary', { name: 'Open image' });
  await expect(inspector.getByRole('heading', { name: 'Seed 4' })).toBeVisible();
  await expect(page.getByRole('columnheader')).toHaveCount(4); // two give way to it
  await inspector.getByLabel('Heun steps of this row').fill('4');
  await page.keyboard.press('Enter');
  await expect(rowOf(page, 1)).toContainText('Heun, 4 steps, 7 NFE');
  await inspector.getByLabel('Start sigma of this row').fill('40');
  await page.keyboard.press('Enter');
  await filled(page, 8);
  const url = page.url();
  expect(url).toContain(`row=${STUDENT}&row=${TEACHER}@heun:4,sigma=40&at=1,1`);
  await page.goto('about:blank');
  await page.goto(url);
  await filled(page, 8);
  expect(page.url()).toBe(url);
  await expect(inspector.getByRole('heading', { name: 'Seed 4' })).toBeVisible();
  await expect(inspector).toContainText('7 NFE');
  await inspector.getByRole('button', { name: /^Show .* alone/ }).click();
  await expect(page).toHaveURL(
    new RegExp(`model=${TEACHER}&seed=3.*sampler=heun&steps=4&sigma=40&selected=1`),
  );
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect(rowOf(page, 1)).toContainText('Heun, 4 steps');
});

test('a model that is not on this device says how it comes here, and its row follows', async () => {
  const at = `#/generate?mode=compare&row=sida-ffhq&row=file:mini-ncsnpp-16-cond.pkl@heun:2&row=${STUDENT}`;
  app = await openApp({ at });
  const { page, foreign } = app;
  await filled(page, 6);
  await expect(rowOf(page, 0)).toContainText(/Not here\. Download ≈ \d+ MB/);
  await expect(rowOf(page, 0)).toContainText(/FID [\d.]+/); // what its authors report is known
  await expect(rowOf(page, 1)).toContainText('Open the file “mini-ncsnpp-16-cond.pkl” with Open checkpoint');
  await page.getByLabel('Open checkpoint').setInputFiles(PKL);
  await filled(page, 12);
  await expect(rowOf(page, 1)).toContainText('3 NFE');
  expect(await page.locator('tr[data-row]').count()).toBe(3);
  await page.getByRole('button', { name: /^Download ≈ \d+ MB: SiDA FFHQ$/ }).click();
  await expect(page.getByRole('dialog', { name: 'Download SiDA FFHQ?' })).toContainText('huggingface.co');
  await page.keyboard.press('Escape');
  expect(foreign).toEqual([]);
});

test('the sheet shows the same pixels, four times as large', async () => {
  app = await openApp({ at: `${PAIR}&class=7` });
  const { page } = app;
  await filled(page, 12);
  const saving = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save sheet' }).click();
  const sheet = decode(readFileSync((await (await saving).path())!));
  expect([sheet.width, sheet.channels]).toEqual([64 + 520 + 6 * 264, 4]);
  const image = await pixels(images(page, `${STUDENT_NAME}, seed 1, class sneaker`));
  for (const [x, y] of [
    [0, 0],
    [9, 17],
    [31, 31],
  ] as const)
    expect(sheet.data[((54 + 8 * y + 3) * sheet.width + 560 + 264 + 8 * x + 3) * 4]).toBe(
      image[(y * 32 + x) * 4],
    );
});

for (const theme of ['light', 'dark'] as const)
  test(`axe finds nothing, ${theme}, with an image open and a row that cannot be made`, async () => {
    const at = `${PAIR}&class=7&row=sida-ffhq&row=afhq-cat-64x64-gdd-i&at=0,1`;
    app = await openApp({ at, context: { colorScheme: theme } });
    const { page } = app;
    await filled(page, 12);
    await expect(rowOf(page, 3)).toContainText('no classes');
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map((v) => `${v.id} ${v.nodes[0]?.target}`)).toEqual([]);
  });

test('at 390 px three images stand edge to edge under each head, and a tap opens one', async () => {
  app = await openApp({
    at: `${PAIR}&class=7`,
    context: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
  });
  const { page } = app;
  await filled(page, 6);
  const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  expect(wide).toBeLessThanOrEqual(inner!);
  const boxes = await rowOf(page, 0)
    .locator('.tile')
    .evaluateAll((all) =>
      all.map((tile) => tile.getBoundingClientRect()).map(({ left, width }) => [left, width]),
    );
  expect(boxes).toEqual([
    [0, 128],
    [131, 128],
    [262, 128],
  ]);
  for (const name of ['Seed', 'Class'])
    await expect(page.getByRole('slider', { name, exact: true })).toBeInViewport();
  const small = await page
    .locator('.rows button, .compare-tools button, .add-row button, .mode-switch button')
    .evaluateAll((all) =>
      all
        .filter((b) => Math.min(b.getBoundingClientRect().width, b.getBoundingClientRect().height) < 44)
        .map((b) => b.getAttribute('aria-label') ?? b.textContent),
    );
  expect(small).toEqual([]);
  await page.getByRole('button', { name: `Open ${TEACHER_NAME} at 5 NFE, seed 2` }).tap();
  await expect(page.getByRole('dialog')).toContainText('Seed 2');
  await expect(page.getByRole('dialog').getByLabel('Heun steps of this row')).toHaveValue('3');
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((v) => `${v.id} ${v.nodes[0]?.target}`)).toEqual([]);
});
