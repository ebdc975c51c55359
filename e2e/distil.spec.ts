import { expect, test } from '@playwright/test';
import { type App, images, openApp, settled } from './app';
import { closeDialog, hasEnded, saved, seesImages, setNumber, start } from './distil-page';

let app: App;
test.afterEach(() => app?.close());

test('one press of Start: the student clearly improves, and is used in Generate', async () => {
  test.setTimeout(600_000);
  app = await openApp({ at: '#/distil', backend: 'wasm' });
  const { page, complaints, foreign } = app;
  await setNumber(page, /^Batch/, 16);
  await setNumber(page, /^Images$/, 256);
  await setNumber(page, 'Images for the Fréchet distance', 100);
  await setNumber(page, 'Distance every, images', 128);
  await start(page);
  // The teacher's blur first.
  await expect(images(page, /seed 0, after 0 images/)).toBeVisible({ timeout: 60_000 });
  await hasEnded(page, 'Finished', 500_000);
  const card = JSON.parse((await saved(page, 'Run card')).toString('utf8'));
  expect(card).toMatchObject({ imagesSeen: 256, iterations: 16, method: 'gdd-i' });
  const { best, teacherOneStep, floor } = card.frechet;
  expect(best.value).toBeLessThan(0.8 * teacherOneStep);
  expect(floor).toBeLessThan(best.value);
  expect(best.spread).toBeGreaterThan(0.3);
  await closeDialog(page);
  await page.getByRole('button', { name: 'Use in Generate', exact: true }).click();
  await settled(page);
  await expect(images(page, /student, 256 images, seed 0/).first()).toBeVisible();
  expect(complaints).toEqual([]);
  expect(foreign).toEqual([]);
});

test('pause, one step of either network, scrub, keep a moment, save, stop', async () => {
  app = await openApp({ at: '#/distil', backend: 'wasm' });
  const { page, complaints } = app;
  await setNumber(page, /^Batch/, 4);
  await setNumber(page, 'Samples every, steps', 1);
  await start(page);
  await seesImages(page, 8);
  await page.getByRole('button', { name: 'Pause' }).click();
  const dStep = page.getByRole('button', { name: 'One D step' });
  await expect(dStep).toBeEnabled({ timeout: 60_000 });
  await dStep.click();
  await expect(dStep).toBeEnabled({ timeout: 60_000 });
  await page.getByRole('button', { name: 'One G step' }).click();
  await expect(dStep).toBeEnabled({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Stop' }).click();
  await hasEnded(page, 'Stopped');

  const curves = (await saved(page, 'Curves')).toString('utf8').trim().split('\n');
  const columns = curves[0]!.split(',');
  const [d, g] = curves.slice(-2).map((line) => {
    const values = line.split(',');
    return { g: values[columns.indexOf('lossG')], d: values[columns.indexOf('lossD')] };
  });
  expect(d!.g).toBe('');
  expect(Number(d!.d)).toBeGreaterThan(0);
  expect(Number(g!.g)).toBeGreaterThan(0);
  expect(g!.d).toBe('');
  const sheet = await saved(page, 'Sample sheet');
  expect(sheet.subarray(1, 4).toString('latin1')).toBe('PNG');
  const whole = await saved(page, 'Student');
  const delta = await saved(page, 'Student, as a difference');
  expect(delta.length).toBeLessThan(0.5 * whole.length);
  await closeDialog(page);

  const scrubber = page.getByRole('slider', { name: 'Snapshot' });
  await scrubber.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await expect(images(page, /seed 0, after 4 images/)).toBeVisible();
  await page.getByRole('button', { name: 'Use this moment in Generate' }).click();
  await settled(page);
  await expect(images(page, /student, 4 images, seed 0/).first()).toBeVisible();
  expect(complaints).toEqual([]);
});
