import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { FetchedModels } from '../cli/fetched/cache';
import { fileSource } from '../cli/files';
import { convertStream } from '../src/engine/models/convert-stream';
import { openModel } from '../src/engine/models/open-model';
import { checkpoint, entry } from '../tests/support/mini-adm';
import { type App, commandLineImages, images, maxDifference, openApp, pixels, settled } from './app';
import { violations } from './axe';
import { launchChromium, quietContext } from './chromium';

const ROOT = join(import.meta.dirname, '..');

/** Of this entry the command line has fetched what it says. */
const ENTRY = entry('mini');

const cache = mkdtempSync(join(tmpdir(), 'innate-e2e-cache-'));
const models = new FetchedModels(join(cache, 'models'));
let server: ChildProcess;
let url: string;

test.beforeAll(async () => {
  const source = { address: null, name: 'mini.pkl', bytes: 1, sha256: '0'.repeat(64) };
  await models.put('mini', source, (output) =>
    convertStream(openModel(fileSource(checkpoint), { sigma: 2.5 }), output, { from: 'mini.pkl' }),
  );
  const env = { ...process.env, INNATE_CACHE: cache, PORT: '4747' };
  server = spawn(process.execPath, ['scripts/start.mjs'], { cwd: ROOT, env });
  url = await new Promise((resolve, reject) => {
    let said = '';
    server.stdout!.on('data', (text) => {
      said += text;
      // biome-ignore lint/suspicious/noControlCharactersInRegex: vite writes in colours
      const [address] = /http:\/\/localhost:\d+\//.exec(said.replace(/\u001b\[\d+m/g, '')) ?? [];
      if (address) resolve(address);
    });
    server.on('exit', () => reject(new Error(said)));
  });
});
test.afterAll(() => server?.kill());

/** The catalogue with the entry, for page and worker. */
async function withEntry(page: Page): Promise<void> {
  await page.route('**/models/index.json', async (route) => {
    const response = await route.fetch();
    const catalogue = await response.json();
    await route.fulfill({ response, json: { ...catalogue, models: [...catalogue.models, ENTRY] } });
  });
}

test('npm start: what the command line fetched is here, and makes the same images', async () => {
  const browser = await launchChromium('none');
  try {
    const page = await (await browser.newContext(quietContext)).newPage();
    await withEntry(page);
    const complaints: string[] = [];
    page.on('console', (m) => m.type() === 'error' && complaints.push(m.text()));
    page.on('pageerror', (e) => complaints.push(String(e)));
    await page.goto(`${url}#/generate?model=mini&seed=3&count=4&class=2`);
    await settled(page);
    const made = images(page, 'Mini mini, seed 3, class cow');
    await expect(made).toHaveCount(1, { timeout: 60_000 });
    const expected = commandLineImages(models.path('mini'), [3], '--class', '2', '--backend', 'wasm');
    expect(maxDifference(await pixels(made), expected[0]!)).toBeLessThanOrEqual(1);
    await page.getByRole('tab', { name: 'Models' }).click();
    await expect(page.getByRole('button', { name: 'Show Mini mini' })).toBeVisible();
    await page.getByTitle('About Mini mini').click();
    await expect(page.getByText('innate models remove mini')).toBeVisible();
    await expect(page.getByRole('button', { name: /Delete Mini mini/ })).toHaveCount(0);
    expect(await violations(page)).toEqual([]);
    expect(complaints).toEqual([]);
  } finally {
    await browser.close();
  }
});

test('a plain host is not asked for such models', async () => {
  const asked: string[] = [];
  const app: App = await openApp({
    adapter: 'none',
    prepare: async (page) => {
      await withEntry(page);
      page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    },
    at: '#/generate?model=mini',
  });
  try {
    await settled(app.page);
    expect(asked.filter((path) => path.startsWith('/fetched'))).toEqual([]);
    expect(asked).toContain('/models/index.json');
    expect(app.complaints).toEqual([]);
    await expect(images(app.page, /^Cats, one step \(GDD-I\), seed 0/)).toHaveCount(1);
  } finally {
    await app.close();
  }
});
