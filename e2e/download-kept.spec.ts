import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Locator, test } from '@playwright/test';
import { type ExportTensor, exportWhole } from '../src/engine/models/export';
import { openModel } from '../src/engine/models/open-model';
import { writeSafetensors } from '../src/formats/safetensors';
import { bufferSource } from '../src/formats/source';
import { type App, type AppOptions, images, openApp, settled } from './app';
import { bytesIn, CHECKPOINT, safeBytes, smallCatalogue } from './downloads';
import { PublicHosts } from './public-hosts';

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
    args: hosts.args,
    host: { files: { 'models/index.json': smallCatalogue() } },
    ...options,
    context: { ignoreHTTPSErrors: true, ...options.context },
  });
  return app;
};

const dialog = (): Locator => app.page.getByRole('dialog');
const agree = () => dialog().getByRole('button', { name: 'Download' }).click();
const tab = (name: string) => app.page.getByRole('tab', { name }).click();
const published = () =>
  app.page.getByRole('button', { name: /^AFHQv2: Download SiDA AFHQv2 from huggingface/ });
const arrives = () => expect(images(app.page, /SiDA AFHQv2, seed 0/)).toHaveCount(1, { timeout: 60_000 });

/** What a browser sends with any request; the dialog says what of it tells something. */
const TOLD =
  /^(host|connection|user-agent|accept|accept-language|accept-encoding|origin|cache-control|pragma|dnt|priority|sec-.+)$/;

test('from the opening page two presses lead to images, and no other host is asked before the second', async () => {
  const { page, foreign, complaints } = await open({ args: hosts.argsOfAll, at: '#/generate?count=1' });
  await settled(page);
  for (const name of ['Distil', 'Layers', 'Models', 'Generate']) await tab(name);
  await tab('Models');
  await page.getByTitle('About SiDA FFHQ').click();
  await expect(page.getByRole('button', { name: 'Copy address of SiDA FFHQ' })).toBeVisible();
  await page.getByRole('textbox', { name: /\.pkl, \.pt or/ }).fill('https://huggingface.co/a/b/x.pkl');
  await page.getByRole('button', { name: 'Download', exact: true }).click();
  await dialog().getByRole('button', { name: 'Cancel' }).click();
  await tab('Generate');
  await published().click();
  await expect(dialog()).toContainText(
    'huggingface.co and the hosts it keeps its files on learn, as with any',
  );
  expect([foreign, hosts.asked]).toEqual([[], []]);
  await agree();
  await arrives();
  expect(new Set(hosts.asked.map(({ host }) => host))).toEqual(new Set(['huggingface.co']));
  for (const { headers } of hosts.asked)
    expect(Object.keys(headers).filter((name) => !TOLD.test(name))).toEqual([]);
  await expect(page.getByRole('button', { name: 'AFHQv2: Use SiDA AFHQv2' })).toHaveAttribute(
    'aria-current',
    'true',
  );
  expect(complaints).toEqual([]);
});

test('what was downloaded makes images without any network', async () => {
  const catalogue = smallCatalogue();
  const { page, context } = await open({
    at: '#/generate?count=1',
    host: { files: { 'models/index.json': catalogue, 'sw.js': serviceWorkerOf(catalogue) } },
    context: { serviceWorkers: 'allow' },
  });
  await settled(page);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => null));
  await published().click();
  await agree();
  await arrives();
  // The second visit: the service worker answers for the page, the model lies on this device.
  await page.reload();
  await arrives();
  await context.setOffline(true);
  hosts.behave({ body: CHECKPOINT });
  await page.reload();
  await arrives();
  expect(hosts.asked).toEqual([]);
});

/** As the build would write it for that catalogue: it keeps files under the digests of their contents. */
function serviceWorkerOf(catalogue: string): string {
  const digest = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
  const dist = join(import.meta.dirname, '../dist');
  const worker = readFileSync(join(dist, 'sw.js'), 'utf8');
  const built = digest(readFileSync(join(dist, 'models/index.json')));
  expect(worker).toContain(built);
  return worker.replaceAll(built, digest(catalogue));
}

// What is known before a byte is written, from what the browser says of its storage, is tested without one: Chromium says
// the same 10 GB whatever the quota.
test('a full disk: said when it happens, and resumed when there is room', async () => {
  const { page, context } = await open({ at: '#/models' });
  const cdp = await context.newCDPSession(page);
  const quota = async (quotaSize?: number) =>
    cdp.send('Storage.overrideQuotaForOrigin', { origin: new URL(app.host.url).origin, quotaSize });
  const begin = page.getByRole('button', { name: /^Download SiDA AFHQv2 from huggingface\.co/ });
  const full = page.getByRole('alert').filter({ hasText: /no room/ });
  hosts.behave({ body: CHECKPOINT, holdAt: 200_000 });
  await begin.click();
  await agree();
  await expect(page.getByText(/^200 kB of/)).toBeVisible();
  // What came is on the disk and noted: where nothing more can be written, the note could not be either.
  await expect.poll(() => page.evaluate(safeBytes)).toBe(200_000);
  await quota(300_000);
  hosts.go();
  await expect(full).toBeVisible();
  await expect(page.getByText(/^stopped$/)).toBeVisible();
  await quota();
  hosts.behave({ body: CHECKPOINT });
  await page.getByRole('button', { name: 'Resume the download of SiDA AFHQv2' }).click();
  await arrives();
  expect(hosts.asked[0]!.from).toBeGreaterThan(0); // it went on
});

test('a link to a public model on another device: downloaded from its line, and shown as the link says', async () => {
  const { page } = await open({ at: '#/generate?model=sida-afhqv2&seed=7&count=1&sigma=40' });
  await page.getByRole('button', { name: 'Download SiDA AFHQv2', exact: true }).click();
  await agree();
  await expect(images(page, /SiDA AFHQv2, seed 7/)).toHaveCount(1, { timeout: 60_000 });
  await expect(page).toHaveURL(/model=sida-afhqv2&seed=7.*sigma=40/);
});

test('a link to rows on another device: their model is downloaded in the row, and its images follow', async () => {
  const { page } = await open({
    at: '#/generate?mode=compare&row=sida-afhqv2@sigma=40&row=gdd-ffhq-64x64&seed=7',
  });
  const row = page.getByRole('row', { name: /SiDA AFHQv2/ });
  await expect(page.getByRole('row', { name: /GDD-I FFHQ/ })).toContainText('By hand:');
  await row.getByRole('button', { name: /^Download 2\.4 MB: SiDA AFHQv2$/ }).click();
  await agree();
  await expect(row.getByRole('button', { name: 'Open SiDA AFHQv2, seed 7', exact: true })).toBeVisible({
    timeout: 60_000,
  });
  await expect(row).toContainText('sigma 40');
  await expect(page).toHaveURL(/mode=compare/);
});

/** Two networks in one file, neither the average of the other. */
function twoNetworks(): Buffer {
  const model = openModel(bufferSource(CHECKPOINT, 'mini.pkl'));
  const tensors = [...exportWhole(model.config, model.weights, 'f16')];
  const named = ['student', 'teacher'].flatMap((net) =>
    tensors.map(([name, tensor]): [string, ExportTensor] => [name.replace(/^model/, net), tensor]),
  );
  return Buffer.concat([...writeSafetensors({ tensors: new Map(named), metadata: new Map() })]);
}

test('a pasted file of two networks asks which is meant, also on the next visit, and comes once', async () => {
  const { page } = await open({ at: '#/models' });
  hosts.behave({ body: twoNetworks() });
  await page
    .getByRole('textbox', { name: /\.pkl, \.pt or/ })
    .fill('https://huggingface.co/a/b/resolve/main/two.safetensors');
  await page.getByRole('button', { name: 'Download', exact: true }).click();
  await agree();
  const question = page.getByText(/two\.safetensors is on this device and holds several networks/);
  await expect(question).toBeInViewport({ timeout: 60_000 }); // the field is at the end of a long page
  hosts.behave({ body: CHECKPOINT });
  await page.goto('about:blank'); // the address alone would be no reload
  await page.goto(`${app.host.url}#/models`);
  await page.getByRole('button', { name: 'Open two.safetensors' }).click();
  await expect(question).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: 'teacher', exact: true }).click();
  await expect(images(page, /two\.safetensors, seed 0/)).toHaveCount(1, { timeout: 60_000 });
  expect(hosts.asked).toEqual([]);
  expect(await page.evaluate(bytesIn, ['downloads'])).toBe(0);
  await tab('Models');
  await expect(page.getByText(/^teacher of two\.safetensors, which held other networks too/)).toBeVisible();
});

test('all of a downloaded file is read and compared when that is asked for', async () => {
  const { page } = await open({ at: '#/models' });
  await page.getByRole('button', { name: /^Download SiDA AFHQv2 from huggingface\.co/ }).click();
  await agree();
  await arrives();
  await tab('Models');
  await page.getByTitle('About SiDA AFHQv2').click();
  const check = page.getByRole('button', { name: 'Check the file of SiDA AFHQv2' });
  await check.click();
  await expect(page.getByText(/All of the file is as it was written: SHA-256/)).toBeVisible();
  await page.evaluate(spoil);
  await check.click();
  await expect(page.getByRole('alert').filter({ hasText: /the downloaded model is damaged/ })).toBeVisible();
});

/** Changes the last byte of the downloaded model, as a disk might. */
async function spoil(): Promise<void> {
  const root = await navigator.storage.getDirectory();
  const folder = await (await root.getDirectoryHandle('models')).getDirectoryHandle('sida-afhqv2');
  const handle = await folder.getFileHandle('model.safetensors');
  const { size } = await handle.getFile();
  const writable = await handle.createWritable({ keepExistingData: true });
  await writable.write({ type: 'write', position: size - 1, data: new Uint8Array([0x55]) });
  await writable.close();
}
