import AxeBuilder from '@axe-core/playwright';
import { expect, type Locator, test } from '@playwright/test';
import { type App, type AppOptions, images, openApp } from './app';
import { bytesIn, CHECKPOINT, safeBytes, smallCatalogue } from './downloads';
import { PublicHosts } from './public-hosts';

const ADDRESS = 'https://huggingface.co/some/where/resolve/main/mini-adm.pkl';

let app: App;
let hosts: PublicHosts;
test.beforeAll(async () => {
  hosts = await PublicHosts.open(CHECKPOINT);
});
test.beforeEach(() => hosts.behave({ body: CHECKPOINT }));
test.afterEach(() => app?.close());
test.afterAll(() => hosts.close());

const open = async (options: AppOptions = {}) => {
  app = await openApp({
    adapter: 'none',
    at: '#/models',
    args: hosts.args,
    ...options,
    context: { ignoreHTTPSErrors: true, ...options.context },
  });
  await expect(app.page.getByRole('heading', { name: 'From an address' })).toBeVisible();
  return app;
};

const dialog = (): Locator => app.page.getByRole('dialog');

async function paste(address = ADDRESS): Promise<void> {
  await app.page.getByRole('textbox', { name: /\.pkl, \.pt or \.safetensors/ }).fill(address);
  await app.page.getByRole('button', { name: 'Download', exact: true }).click();
}

const agree = () => dialog().getByRole('button', { name: 'Download' }).click();

/** Downloads to the end and sees the model in Generate. */
async function arrives(): Promise<void> {
  const { page } = app;
  await expect(page.getByText(/mini-adm\.pkl is on this device\./)).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole('tab', { name: 'Generate' })).toHaveAttribute('aria-selected', 'true');
  await expect(images(page, /mini-adm\.safetensors, seed 0/)).toHaveCount(1, { timeout: 60_000 });
}

const unfinished = (): Locator => app.page.getByRole('progressbar', { name: 'Download of mini-adm.pkl' });
const HALF = 200_000;

/** Begins a download that stops half way and stays so. */
async function half(): Promise<void> {
  hosts.behave({ body: CHECKPOINT, holdAt: HALF });
  await paste();
  await agree();
  await expect(app.page.getByText(new RegExp(`^${Math.round(HALF / 1000)} kB of`))).toBeVisible();
  await expect.poll(() => app.page.evaluate(safeBytes)).toBe(HALF);
}

const reload = async () => {
  await app.page.goto('about:blank'); // the address alone would be no reload
  await app.page.goto(`${app.host.url}#/models`);
};

test('a pasted address: asked first, then downloaded by redirect, converted, and there on the next visit', async () => {
  const { page, foreign, complaints } = await open();
  hosts.behave({ body: CHECKPOINT, redirect: 'https://us.aws.cdn.hf.co/xet-bridge/mini?sign=1' });
  await paste();
  await expect(dialog()).toContainText('huggingface.co/some/where');
  await expect(dialog().getByRole('button', { name: 'Download' })).toBeFocused();
  const axe = await new AxeBuilder({ page }).include('dialog').analyze();
  expect(axe.violations).toEqual([]);
  expect(foreign).toEqual([]); // not even the size is asked for before
  expect(hosts.asked).toEqual([]);
  await agree();
  await arrives();
  expect(hosts.asked.map(({ host, from }) => [host, from])).toEqual([
    ['huggingface.co', null],
    ['us.aws.cdn.hf.co', null],
  ]);
  for (const { headers } of hosts.asked) {
    expect(headers.referer).toBeUndefined();
    expect(headers.cookie).toBeUndefined();
  }
  expect(complaints).toEqual([]);
  // The next visit asks nobody.
  hosts.behave({ body: CHECKPOINT });
  await reload();
  await expect(page.getByRole('button', { name: /(Use|Show) mini-adm\.safetensors/ })).toBeVisible();
  expect(hosts.asked).toEqual([]);
  // Nothing of the download itself is left.
  expect(await page.evaluate(bytesIn, ['downloads'])).toBe(0);
});

test('a public model of the catalogue: two presses to its images, there on the next visit, deleted with its size', async () => {
  const { page } = await open({ host: { files: { 'models/index.json': smallCatalogue() } } });
  await page.getByRole('button', { name: /^Download SiDA AFHQv2 from huggingface\.co/ }).click();
  await expect(dialog()).toContainText('CC BY-NC-SA');
  await expect(dialog()).toContainText('2.4 MB; kept as 1.2 MB');
  await agree();
  await expect(images(page, /SiDA AFHQv2, seed 0/)).toHaveCount(1, { timeout: 60_000 });
  hosts.behave({ body: CHECKPOINT });
  await app.page.goto('about:blank');
  await page.goto(`${app.host.url}#/generate?model=sida-afhqv2&count=1`);
  await expect(images(page, /SiDA AFHQv2, seed 0/)).toHaveCount(1, { timeout: 60_000 });
  expect(hosts.asked).toEqual([]);
  await page.getByRole('tab', { name: 'Models' }).click();
  await page.getByRole('button', { name: /^Delete SiDA AFHQv2, 1\.\d MB/ }).click();
  await expect(page.getByRole('button', { name: /^Download SiDA AFHQv2 from/ })).toBeVisible();
  expect(await page.evaluate(bytesIn, ['models'])).toBe(0);
});

test('broken off by a reload, it goes on where it was', async () => {
  await open();
  await half();
  await reload();
  await expect(app.page.getByText(/, stopped$/)).toBeVisible();
  hosts.behave({ body: CHECKPOINT });
  await app.page.getByRole('button', { name: 'Resume the download of mini-adm.pkl' }).click();
  await arrives();
  expect(hosts.asked.map(({ from }) => from)).toEqual([HALF - 65_536]);
});

test('a file that changed meanwhile, and a host that does not continue, start anew and say so', async () => {
  await open();
  for (const [manners, said] of [
    [{ etag: '"two"' }, /has changed since it was begun: it started anew/],
    [{ ranges: false }, /does not continue a broken download: it started anew/],
  ] as const) {
    await half();
    await app.page.getByRole('button', { name: 'Cancel the download of mini-adm.pkl' }).click();
    hosts.behave({ body: CHECKPOINT, ...manners });
    await app.page.getByRole('button', { name: 'Resume the download of mini-adm.pkl' }).click();
    await expect(app.page.getByText(said)).toBeVisible({ timeout: 60_000 });
    await expect(app.page.getByRole('tab', { name: 'Generate' })).toHaveAttribute('aria-selected', 'true');
    await app.page.getByRole('tab', { name: 'Models' }).click();
    await app.page.getByRole('button', { name: /Forget mini-adm/ }).click();
  }
});

test('a connection that breaks twice is mended by itself', async () => {
  await open();
  hosts.behave({ body: CHECKPOINT, cuts: [100_000, 90_000] });
  await paste();
  await agree();
  await arrives();
  expect(hosts.asked).toHaveLength(3);
});

for (const [what, manners, said] of [
  ['a host that allows no page to read', { cors: false }, /does not let this page read the file/],
  ['a file that is gone', { status: 404 }, /does not have this file any more/],
  ['a file that is not for everybody', { status: 403 }, /does not hand this file to everybody/],
  ['a page in its place', { type: 'text/html' }, /something else in place of the file/],
  ['a file that is no checkpoint', { body: Buffer.from('nothing of the kind'.repeat(100)) }, /mini-adm\.pkl/],
  [
    'a redirect to a host that is not on the list',
    { redirect: 'https://files.evil.example/mini' },
    /does not let this page read the file/,
  ],
] as const)
  test(`${what}: one line, the address to copy, and nothing is left`, async () => {
    const { page } = await open();
    hosts.behave({ body: CHECKPOINT, ...manners });
    await paste();
    await agree();
    const line = page.getByRole('alert').filter({ hasText: said });
    await expect(line).toBeInViewport({ timeout: 30_000 }); // the field is at the end of a long page
    await expect(line.getByRole('button', { name: 'Copy address' })).toBeVisible();
    await expect(line).toContainText(ADDRESS);
    expect(hosts.asked.map(({ host }) => host)).not.toContain('files.evil.example');
    await expect(unfinished()).toHaveCount(0);
    expect(await page.evaluate(bytesIn, ['downloads'])).toBe(0);
  });

test('another tab sees it, may cancel it, and may not begin it too; its part can be deleted', async () => {
  await open();
  await half();
  const other = await app.context.newPage();
  await other.goto(`${app.host.url}#/models`);
  await expect(other.getByText(/in another tab/)).toBeVisible();
  await other.getByRole('button', { name: 'Cancel the download of mini-adm.pkl' }).click();
  for (const page of [app.page, other]) await expect(page.getByText(/, stopped$/)).toBeVisible();
  hosts.go();
  await other.getByRole('button', { name: 'Delete the part of mini-adm.pkl', exact: true }).click();
  for (const page of [app.page, other])
    await expect(page.getByRole('progressbar', { name: 'Download of mini-adm.pkl' })).toHaveCount(0);
  expect(await other.evaluate(bytesIn, ['downloads'])).toBe(0);
});

test('an address of another host, or of no checkpoint, is not asked', async () => {
  const { page, foreign } = await open();
  for (const [address, said] of [
    ['https://files.evil.example/x.pkl', /Only these hosts are asked/],
    ['https://huggingface.co/some/where', /has to end in/],
    ['mini.pkl', /This is no address/],
  ] as const) {
    await paste(address);
    await expect(page.getByText(said)).toBeVisible();
    await expect(dialog()).toHaveCount(0);
  }
  expect(foreign).toEqual([]);
});

test('declined, nothing is asked; on a phone the dialog fits', async () => {
  const { page, foreign } = await open({ context: { viewport: { width: 390, height: 844 } } });
  await paste();
  const box = (await dialog().boundingBox())!;
  expect(box.x).toBeGreaterThanOrEqual(0);
  expect(box.x + box.width).toBeLessThanOrEqual(390);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  for (const button of await dialog().getByRole('button').all())
    expect((await button.boundingBox())!.height).toBeGreaterThanOrEqual(44);
  await page.keyboard.press('Escape');
  await expect(dialog()).toHaveCount(0);
  expect(foreign).toEqual([]);
});
