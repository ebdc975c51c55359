import { readFile } from 'node:fs/promises';
import { expect, type Page, test } from '@playwright/test';
import { type App, openApp } from './app';
import { violations } from './axe';
import { setNumber } from './distil-page';

let app: App;
test.afterEach(() => app?.close());

const IMAGES = 8;

/** Text of what a button of the series saves. */
async function savedText(page: Page, name: string): Promise<string> {
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name }).click();
  return readFile(await (await waiting).path(), 'utf8');
}

test('what trains: two choices on one budget, a reload in the middle, a table and a figure', async () => {
  test.setTimeout(600_000);
  app = await openApp({ at: '#/distil', backend: 'wasm' });
  const { page } = app;
  await page.getByLabel('Preset').selectOption('small-encoder');
  await setNumber(page, 'Batch', 4);
  await setNumber(page, 'Images per quality check', 64);

  // The map: a level, then the decoder alone, then one block more by keyboard.
  await page.getByText(/^What trains: level 1, \d+ %$/).click();
  const map = page.getByRole('group', { name: /What trains, by block and part/ });
  await expect(map.getByRole('button', { name: 'all norm train' })).toHaveAttribute('aria-pressed', 'true');
  await expect(map.getByRole('button', { name: 'all conv train' })).toHaveAttribute('aria-pressed', 'mixed');
  await page.getByRole('button', { name: 'Add to the list' }).click();
  await page.getByRole('button', { name: 'Decoder only' }).click();
  await expect(page.getByText("--freeze 'enc.*,map_*'")).toBeVisible();
  await page.getByRole('button', { name: 'Add to the list' }).click();

  // With the mapping network alone a step still goes back through the frozen encoder; one press spares that.
  const through = page.getByText(/still goes back through it/);
  await expect(through).toBeHidden();
  await map.getByRole('button', { name: 'the mapping network, whole train' }).click();
  await expect(page.getByText("--freeze 'enc.*'", { exact: true })).toBeVisible();
  await expect(through).toBeVisible();
  await page.getByRole('button', { name: 'Freeze the mapping network too' }).click();
  await expect(page.getByText("--freeze 'enc.*,map_*'")).toBeVisible();
  await expect(through).toBeHidden();

  const cell = map.getByRole('button', { name: /^enc.32x32_block0, norm,/ });
  await cell.click();
  await expect(cell).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press('ArrowRight');
  await expect(map.getByRole('button', { name: /^enc.32x32_block0, affine,/ })).toBeFocused();
  await cell.click();
  await expect(page.getByText("--freeze 'enc.*,map_*'")).toBeVisible();
  expect(await violations(page)).toEqual([]);

  await setNumber(page, 'Images each', IMAGES);
  await page.getByRole('button', { name: 'Try these 2' }).click();
  await expect(page.getByRole('heading', { name: 'What trains' })).toBeVisible();
  await expect(page.getByText('Run 2 of 2, Decoder only')).toBeVisible({ timeout: 240_000 });

  // The tab goes in the middle of the second run; a new visit offers to go on.
  await page.reload();
  await expect(page.getByText(/The series What trains was interrupted: 1 of 2 runs are done/)).toBeVisible({
    timeout: 60_000,
  });
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('button', { name: 'Cancel the series' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Cancel the series' })).toBeHidden({ timeout: 240_000 });

  // The newest run's curves are read when it has ended.
  const rows = page.getByRole('table', { name: 'What each choice trains and comes to' }).getByRole('row');
  for (const [row, name] of [
    [1, 'Level 1'],
    [2, 'Decoder only'],
  ] as const) {
    await expect(rows.nth(row)).toContainText(name);
    await expect(rows.nth(row)).toContainText(/\d+\.\d %\s*\d[\d.,]* ± \d/);
  }
  const tops = await rows
    .nth(1)
    .getByRole('cell')
    .evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().top));
  expect(new Set(tops).size, 'a choice is one line of the table').toBe(1);
  await expect(page.getByRole('img', { name: /Level 1 \d+\.\d %, .*Decoder only \d+\.\d %/ })).toBeVisible();
  expect(await violations(page)).toEqual([]);

  const csv = await savedText(page, 'Save the table as csv');
  const ends = csv.split('\n').filter((line) => line.endsWith(',end'));
  expect(ends.map((line) => line.split(',').slice(0, 2))).toEqual([
    ['choice', 'state'],
    ['"Level 1"', 'finished'],
    ['"Decoder only"', 'finished'],
  ]);
  const [, one, two] = ends.map((line) => line.split(','));
  expect(Number(two![2])).toBeGreaterThan(Number(one![2])); // the decoder is more than level 1 trains
  expect([one![3], two![3]]).toEqual([String(IMAGES), String(IMAGES)]);
  const svg = await savedText(page, 'Save the figure as svg');
  expect(svg).toMatch(/^<svg .*Fréchet distance.*Decoder only.*<\/svg>\n$/s);

  await page.getByRole('button', { name: 'All runs' }).click();
  await expect(page.getByText(/Run 2 of 2 of a series, Decoder only/)).toBeVisible();
  expect(app.foreign).toEqual([]);
});
