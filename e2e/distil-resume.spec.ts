import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { readSafetensors } from '../src/formats/safetensors';
import { bufferSource } from '../src/formats/source';
import { readFloat32 } from '../src/formats/tensor';
import { type App, images, openApp } from './app';
import { commandLineLosses, expectSameLosses } from './command-line';
import {
  closeDialog,
  hasEnded,
  imagesSeen,
  plainRun,
  rows,
  saved,
  seesImages,
  setNumber,
  start,
} from './distil-page';

let app: App;
test.afterEach(() => app?.close());

/** Enough steps that a run is still under way a second after it was paused, however fast the machine is. */
const IMAGES = 60;
/** One small image in Generate: it shares the back-end with the run. */
const QUIET = '#/distil?model=fashion-mnist-32x32-gdd-i&count=1';

test('a tab that is killed: the run is offered again and ends as if nothing had happened, bit for bit', async () => {
  test.setTimeout(420_000);
  app = await openApp({ at: '#/distil', backend: 'wasm' });
  const { context, foreign } = app;
  let { page } = app;

  // Once without an accident.
  await begin(page);
  await hasEnded(page, 'Finished', 180_000);
  const whole = { curves: rows(await saved(page, 'Curves')), state: await saved(page, 'Full state') };
  await closeDialog(page);
  expect(whole.curves).toHaveLength(IMAGES / 4);

  // Its first losses are the command line's.
  const log = commandLineLosses(IMAGES, 4, 'wasm');
  expectSameLosses(whole.curves.slice(0, 3), log);

  // Then with one, some steps after its last save.
  await page.getByRole('button', { name: 'New run' }).click();
  await begin(page);
  await seesImages(page, 4);
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.locator('.run-facts strong')).toHaveText('Paused', { timeout: 60_000 });
  const at = await imagesSeen(page);
  expect(at).toBeLessThan(IMAGES);
  await expect(page.getByTitle(`Saved at ${at} images`)).toBeVisible({ timeout: 60_000 });
  const other = await context.newPage();
  await other.goto(page.url());
  await other.getByRole('button', { name: 'Runs (2)' }).click({ timeout: 60_000 });
  await expect(other.getByText(/under way/)).toBeVisible();
  await expect(other.getByRole('button', { name: 'Delete Clothes student, run 2' })).toBeDisabled();
  await expect(other.getByRole('button', { name: 'Resume' })).toHaveCount(0);
  await other.close();
  const url = page.url();
  await page.getByRole('button', { name: 'Resume' }).click();
  await seesImages(page, at + 4);
  const session = await context.newCDPSession(page);
  void session.send('Page.crash').catch(() => {});
  await page.waitForEvent('crash');
  await page.close();

  page = await context.newPage();
  await page.goto(url);
  await expect(page.getByText(/run 2 was interrupted: it is saved at/)).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Resume' }).click();
  await hasEnded(page, 'Finished', 180_000);
  await expect(images(page, new RegExp(`seed 0, after ${IMAGES} images`))).toBeVisible();
  await expect(page.getByText(/batch 4, seed 0/)).toBeVisible();
  expect(rows(await saved(page, 'Curves'))).toEqual(whole.curves);
  const state = tensors(await saved(page, 'Full state'));
  const expected = tensors(whole.state);
  expect([...state.keys()]).toEqual([...expected.keys()]);
  for (const [name, values] of expected) expect(Buffer.compare(state.get(name)!, values), name).toBe(0);
  await closeDialog(page);

  // Both are in the list, also after a reload: named, described, compared, deleted.
  await page.reload();
  await page.getByRole('button', { name: 'Runs (2)' }).click({ timeout: 60_000 });
  const name = page.getByLabel('Name of Clothes student, run 2');
  await name.fill('Survivor');
  await name.press('Enter');
  await page.getByLabel('Notes on Survivor').fill('killed once');
  await page.getByLabel('Notes on Survivor').press('Enter');
  for (const run of ['Survivor', 'Clothes student, run 1'])
    await page.getByLabel(`Choose ${run} to compare`).check();
  await page.getByRole('button', { name: 'Compare two' }).click();
  for (const run of ['Survivor', 'Clothes student, run 1'])
    await expect(images(page, `${run}, seed 0, after ${IMAGES} images`)).toBeVisible();
  await page.getByRole('button', { name: 'All runs' }).click();
  await page.getByRole('button', { name: 'Delete Clothes student, run 1' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByLabel('Name of Clothes student, run 1')).toHaveCount(0);
  await page.reload();
  await page.getByRole('button', { name: 'Runs (1)' }).click({ timeout: 60_000 });
  await expect(page.getByLabel('Notes on Survivor')).toHaveValue('killed once');
  expect(foreign).toEqual([]);
});

test('the GPU process crashes during a run: it goes on by itself from its last save', async () => {
  test.setTimeout(600_000);
  app = await openApp({ at: QUIET, backend: 'webgpu' });
  const { page, browser } = app;
  await chooseTiny(page);
  await setNumber(page, /^Images$/, 24);
  await setNumber(page, /^Batch/, 2);
  await start(page);
  await seesImages(page, 6, 240_000);
  const cdp = await browser.newBrowserCDPSession();
  await cdp.send('Browser.crashGpuProcess').catch(() => {});
  await expect(page.getByText(/The run went back to its last save, at \d+ images, and goes on/)).toBeVisible({
    timeout: 240_000,
  });
  await hasEnded(page, 'Finished', 240_000);
  const curves = rows(await saved(page, 'Curves'));
  expect(curves.map((point) => point.iteration)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
});

test('own images and an opened teacher: kept beside the run, which moves to another back-end and survives its tab', async () => {
  test.setTimeout(600_000);
  app = await openApp({ at: QUIET, backend: 'wasm' });
  const { context } = app;
  let { page } = app;
  await chooseTiny(page);
  await page
    .getByLabel('Choose images')
    .setInputFiles(join(import.meta.dirname, '../public/data/afhq-cat-64x64.zip'));
  await setNumber(page, /^Images$/, 4000);
  await setNumber(page, /^Batch/, 4);
  await start(page);
  await seesImages(page, 16, 120_000);
  await page.getByRole('tab', { name: 'Models' }).click();
  await page.getByRole('button', { name: 'WebGPU', exact: true }).click();
  await page.getByRole('tab', { name: 'Distil' }).click();
  await expect(page.getByText(/goes on from \d+ images, on the back-end that was chosen/)).toBeVisible({
    timeout: 120_000,
  });
  const moved = await imagesSeen(page);
  await seesImages(page, moved + 4, 240_000);
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByRole('button', { name: 'One step' })).toBeEnabled({ timeout: 60_000 });
  const at = await imagesSeen(page);
  const url = page.url();
  await page.close();

  page = await context.newPage(); // on wasm again
  await page.goto(url);
  await expect(page.getByText(new RegExp(`saved at ${at} of 4,000 images`))).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Resume' }).click();
  await seesImages(page, at + 8, 120_000);
  await expect(page.getByText('Imitation on afhq-cat-64x64.zip')).toBeVisible();
  await page.getByRole('button', { name: 'Stop' }).click();
  await hasEnded(page, 'Stopped');
});

/**
 * A teacher of 27 thousand parameters and the method with the fewest kernels: a software adapter spends a minute or two
 * on compiling them, whatever the network.
 */
async function chooseTiny(page: Page): Promise<void> {
  const file = join(import.meta.dirname, '../tests/fixtures/parity/ddpmpp-skip-16-vp.pkl');
  await page.getByLabel('Open checkpoint').setInputFiles(file);
  await expect(page.getByRole('radio', { name: /ddpmpp-skip-16-vp/ })).toBeChecked({ timeout: 60_000 });
  await page.getByRole('radio', { name: /Imitation/ }).check();
  await setNumber(page, 'Images per quality check', 0);
  await setNumber(page, /^Teacher’s steps/, 2);
}

async function begin(page: Page): Promise<void> {
  await plainRun(page);
  await setNumber(page, /^Images$/, IMAGES);
  await setNumber(page, /^Batch/, 4);
  await setNumber(page, 'Samples every, steps', 2);
  await start(page);
}

function tensors(file: Buffer): Map<string, Uint8Array> {
  const { tensors: refs } = readSafetensors(bufferSource(new Uint8Array(file), 'state'));
  return new Map(
    [...refs].map(([name, ref]) => {
      const values = readFloat32(ref);
      return [name, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)];
    }),
  );
}
