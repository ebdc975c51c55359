import { expect, test } from '@playwright/test';
import { type App, images, inWorker, openApp } from './app';
import {
  closeDialog,
  hasEnded,
  imagesSeen,
  isSaved,
  plainRun,
  saved,
  seesImages,
  setNumber,
  start,
} from './distil-page';

/** What goes wrong in a run although the page stays: each time nothing is lost, and the next step is one press away. */

let app: App;
test.afterEach(() => app?.close());

const QUIET = '#/distil?model=fashion-mnist-32x32-gdd-i&count=1';

/**
 * In the worker: a rate that the page does not offer, of which it knows nothing. The first update leaves weights that
 * no float32 network survives. Pause is pressed within the first step, however fast that is.
 */
const ABSURD_RATE = `{
  const post = postMessage;
  let distils = 0;
  addEventListener('message', ({ data }) => {
    if (data.type === 'distil' && ++distils === 1) data.request.config.generatorRate = 1e30;
  });
  let pressed = false;
  globalThis.postMessage = (message, options) => {
    post(message, options);
    if (pressed || message.event?.kind !== 'point') return;
    pressed = true;
    const data = { type: 'distil-control', id: -1, action: 'pause' };
    dispatchEvent(new MessageEvent('message', { data }));
  };
}`;

test('a loss that is not a number: the broken save is passed over, the one before goes on with lower rates', async () => {
  app = await openApp({
    at: QUIET,
    backend: 'wasm',
    prepare: (page) => inWorker(page, ABSURD_RATE),
  });
  const { page } = app;
  await plainRun(page);
  await setNumber(page, /^Images$/, 12);
  await setNumber(page, /^Batch/, 4);
  await setNumber(page, 'Samples every, steps', 100);
  await start(page);
  // At rest after the first step, whose weights are broken, it saves them.
  await expect(page.getByRole('button', { name: 'One D step' })).toBeEnabled({ timeout: 60_000 });
  expect(await imagesSeen(page)).toBe(4);
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByRole('alert')).toContainText('the loss is not a number any more', {
    timeout: 60_000,
  });
  await page
    .getByRole('button', { name: /^Go on from the save before at half the rates, 1e-4 and 2e-4/ })
    .click();
  await hasEnded(page, 'Finished');
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(images(page, /seed 0, after 12 images/)).toBeVisible();
});

/** In the worker: from the third step on samples are said to differ a tenth as much as they do. */
const NARROWED = `{
  const post = postMessage;
  globalThis.postMessage = (message, options) => {
    const { point } = message.event ?? {};
    if (point?.iteration > 2) point.sampleSpread /= 10;
    post(message, options);
  };
}`;

test('a student whose samples become alike: the page says so and what to do', async () => {
  app = await openApp({ at: QUIET, backend: 'wasm', prepare: (page) => inWorker(page, NARROWED) });
  const { page } = app;
  await plainRun(page);
  await setNumber(page, /^Batch/, 4);
  await setNumber(page, 'Samples every, steps', 1);
  await start(page);
  await expect(page.getByText(/The samples are becoming alike/)).toBeVisible({ timeout: 90_000 });
  const look = page.getByRole('button', { name: /^Look at [\d,]+ images?$/ });
  const moment = Number((await look.textContent())!.replace(/\D/g, ''));
  await look.click();
  await expect(page.getByText(/Averaged weights/)).not.toContainText('the newest');
  await expect(images(page, new RegExp(`seed 0, after ${moment} images`))).toBeVisible();
  await page.getByRole('button', { name: 'Stop' }).click();
  await hasEnded(page, 'Stopped');
});

test('a full disk: the run goes on, ends, is exported whole, and is saved once there is room', async () => {
  app = await openApp({ at: QUIET, backend: 'wasm' });
  const { page, context } = app;
  await plainRun(page);
  await setNumber(page, /^Images$/, 24);
  await setNumber(page, /^Batch/, 4);
  await setNumber(page, 'Samples every, steps', 2);
  await start(page);
  await seesImages(page, 4);
  await isSaved(page);
  const cdp = await context.newCDPSession(page);
  const { origin } = new URL(page.url());
  const used = await page.evaluate(async () => (await navigator.storage.estimate()).usage!);
  await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: used });
  await hasEnded(page, 'Finished');
  await expect(page.getByText(/no room left for this page: this run is kept as long as/)).toBeVisible();
  const card = JSON.parse((await saved(page, 'Run card')).toString('utf8'));
  expect(card.imagesSeen).toBe(24);
  const state = (await saved(page, 'Full state')).toString('latin1');
  expect(state).toContain('\\"images\\":24');
  await closeDialog(page);
  await page.getByRole('button', { name: 'Try to save it again' }).click();
  await expect(page.getByText(/there is still no room for this run/)).toBeVisible();
  await cdp.send('Storage.overrideQuotaForOrigin', { origin });
  await page.getByRole('button', { name: 'Try to save it again' }).click();
  await expect(page.getByText(/no room/)).toHaveCount(0);
  await page.reload();
  await page.getByRole('button', { name: 'Runs (1)' }).click({ timeout: 60_000 });
  await expect(page.getByText(/24 of 24 images, finished/)).toBeVisible();
});

/** No WebAssembly memory may grow beyond so many megabytes: growing fails for real. */
const capGrowth = (megabytes: number): string => `{
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function (pages) {
    if (this.buffer.byteLength + 65536 * pages > ${megabytes} * 2 ** 20)
      throw new RangeError('WebAssembly.Memory.grow(): Unable to grow instance memory');
    return grow.call(this, pages);
  };
}`;

test('WebAssembly runs out of memory: the run goes on by itself, in smaller parts', async () => {
  app = await openApp({ at: QUIET, backend: 'wasm', prepare: (page) => inWorker(page, capGrowth(120)) });
  const { page } = app;
  await plainRun(page);
  await setNumber(page, /^Images$/, 64);
  await setNumber(page, /^Batch/, 32);
  await start(page);
  await hasEnded(page, 'Finished');
  await expect(
    page.getByText(/does not fit into memory.*goes on with wasm.*in parts of \d+ images/),
  ).toBeVisible();
  await expect(page.getByText(/batch 32 in parts of \d+/)).toBeVisible();
});
