import { expect, type Page, test } from '@playwright/test';
import { type App, inWorker, openApp, settled } from './app';
import { violations } from './axe';
import { setNumber } from './distil-page';

const MODEL = 'fashion-mnist-32x32-gdd-i';
const NAME = 'Clothes, one step (GDD-I)';

let app: App;
test.afterEach(() => app?.close());

const bar = (page: Page) => page.getByRole('region', { name: 'Under way' });
const tab = (page: Page, name: string) => page.getByRole('tab', { name }).click();

/** All that a polite region has said since. */
async function hear(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const heard: string[] = [];
    const region = document.querySelector('p[aria-live="polite"].hidden-text')!;
    new MutationObserver(() => heard.push(region.textContent ?? '')).observe(region, {
      childList: true,
      characterData: true,
      subtree: true,
    });
    Object.assign(window, { heard });
  });
  return () => page.evaluate(() => (window as unknown as { heard: string[] }).heard);
}

for (const width of [1440, 390])
  test(`an export that goes on in other tabs is seen and cancelled there, ${width} px wide`, async () => {
    const context = { viewport: { width, height: 844 } };
    app = await openApp({ at: `#/generate?model=${MODEL}&count=1`, backend: 'wasm', context });
    const { page, complaints } = app;
    await settled(page);
    await expect(bar(page)).toHaveCount(0); // the first view is as calm as ever
    const heard = await hear(page);
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByRole('menuitem', { name: /^Many images/ }).click();
    await setNumber(page, /^Images$/, 50_000);
    await page.getByRole('button', { name: /^Make 50,000 images/ }).click();
    const subject = `50,000 images of ${NAME}`;
    for (const name of ['Layers', 'Models', 'Distil', 'Generate', 'Layers']) {
      await tab(page, name);
      await expect(bar(page)).toContainText(`Exporting ${subject}`);
      await expect(bar(page).getByRole('button')).toBeInViewport();
    }
    await expect(bar(page)).toContainText(/[\d,]+ of 50,000 images/);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    expect(await violations(page)).toEqual([]);
    if (width < 500) await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    const cancel = bar(page).getByRole('button', { name: `Cancel exporting ${subject}` });
    await expect(cancel).toBeInViewport();
    await cancel.click();
    await expect(bar(page)).toHaveCount(0);
    expect(await heard()).toEqual([`Exporting ${subject}.`, `Exporting ${subject} stopped.`]);
    expect(complaints).toEqual([]);
  });

test('a measurement that goes on in other tabs leads back to its numbers, and pauses from the shell', async () => {
  app = await openApp({ at: `#/models?model=${MODEL}&count=1`, backend: 'wasm' });
  const { page } = app;
  await page.getByRole('button', { name: `Measure ${NAME}` }).click();
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByRole('progressbar', { name: 'measuring real images' })).toBeVisible();
  await expect(bar(page)).toHaveCount(0); // its own view tells it
  await tab(page, 'Generate');
  await bar(page)
    .getByRole('button', { name: `Measuring ${NAME}`, exact: true })
    .click();
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  await expect(bar(page)).toHaveCount(0);
  await tab(page, 'Distil');
  await bar(page)
    .getByRole('button', { name: `Pause measuring ${NAME}` })
    .click();
  await expect(bar(page)).toHaveCount(0);
  await tab(page, 'Models');
  await expect(page.getByText(/^Interrupted behind/)).toBeVisible();
});

test('the first map of Layers can be cancelled, and had after all', async () => {
  // No map comes with the page for a teacher alone at other levels.
  app = await openApp({ at: `#/layers?model=${MODEL}&guide=0&input=noise&levels=40`, backend: 'wasm' });
  const { page } = app;
  await page.getByRole('button', { name: 'Cancel' }).click({ timeout: 60_000 });
  await page.getByRole('button', { name: /^Measure( again)?$/ }).click();
  await expect(page.getByRole('button', { name: 'Cancel' })).toBeVisible();
});

test('a file that is being kept is seen in other tabs, and cancelled there it stays open and is not kept', async () => {
  // A disk as slow as a large file is long.
  const slow = `const read = Blob.prototype.arrayBuffer;
    Blob.prototype.arrayBuffer = async function () {
      if (this.size > 1e6) await new Promise((done) => setTimeout(done, 3000));
      return read.call(this);
    };`;
  app = await openApp({ at: '#/models?count=1', backend: 'wasm', prepare: (page) => inWorker(page, slow) });
  const { page, complaints } = app;
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open checkpoint' }).click();
  await (await chooser).setFiles('public/models/afhq-cat-64x64-teacher.safetensors');
  await expect(page).toHaveURL(/model=file:afhq/, { timeout: 30_000 });
  await tab(page, 'Models');
  const keep = page.getByRole('button', { name: 'Keep afhq-cat-64x64-teacher.safetensors' });
  await keep.click({ timeout: 60_000 });
  await expect(keep).toHaveText(/^Copying/);
  await tab(page, 'Generate');
  await expect(bar(page)).toContainText('Keeping afhq-cat-64x64-teacher.safetensors');
  await bar(page).getByRole('button', { name: 'Cancel keeping afhq-cat-64x64-teacher.safetensors' }).click();
  await expect(bar(page)).toHaveCount(0);
  await tab(page, 'Models');
  await expect(keep).toHaveText('Keep');
  await expect(keep).toHaveAttribute('aria-pressed', 'false');
  expect(complaints).toEqual([]);
});
