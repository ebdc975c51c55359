import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny';
import { decodePng } from '../src/data/image/png';
import { readEntry } from '../src/formats/zip';
import {
  type App,
  commandLineImages,
  images,
  inWorker,
  maxDifference,
  openApp,
  pixels,
  settled,
} from './app';
import { bytesOf, entriesOf, exportedPath, firstPicture } from './take-away';

/** Paths along one thing of an image, and what goes through the clipboard; the smallest network on WebAssembly. */

let app: App;
test.afterEach(() => app?.close());

const MODEL = 'fashion-mnist-32x32-gdd-i';
const SIDE = 32;
const ONE = `#/generate?model=${MODEL}&seed=3&class=3&count=1`;

/** Five frames from the selected image along one thing. */
async function sweep(page: Page, along: string, from: string, to: string, block?: string): Promise<void> {
  await settled(page);
  await page.keyboard.press('Shift+K');
  const dialog = page.getByRole('dialog', { name: 'Path from this image' });
  await dialog.getByLabel('What changes').selectOption({ label: along });
  if (block) await dialog.getByRole('textbox', { name: /^Block/ }).fill(block);
  for (const [label, value] of [
    ['From', from],
    ['To', to],
    ['Frames', '5'],
  ] as const) {
    await dialog.getByRole('textbox', { name: label, exact: true }).fill(value);
    await dialog.getByRole('textbox', { name: label, exact: true }).press('Tab');
  }
  await dialog.getByRole('button', { name: 'Play' }).click();
  await expect(page.getByText('5 of 5 made')).toBeVisible({ timeout: 60_000 });
}

/** Bytes of the frames, as the zip of the path holds them. */
async function frames(page: Page): Promise<number[][]> {
  const entries = await entriesOf(await exportedPath(page, /frames in a zip/));
  expect(entries).toHaveLength(5);
  return entries.map((entry) => [...decodePng(readEntry(entry, 1e7), entry.name).data]);
}

const furthest = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((v, i) => Math.abs(v - b[i]!)));

test('a temperature is swept to frames: each is the command line’s image at its temperature', async () => {
  app = await openApp({ at: ONE, backend: 'wasm' });
  const { page, complaints } = app;
  await sweep(page, 'Temperature', '0', '1');
  const made = await frames(page);
  for (const [frame, temperature] of [
    [0, '0'],
    [2, '0.5'],
    [4, '1'],
  ] as const) {
    const [image] = commandLineImages(MODEL, [3], '--class', '3', '--temperature', temperature);
    expect(furthest(made[frame]!, image!)).toBeLessThanOrEqual(1);
  }
  expect(furthest(made[1]!, made[3]!)).toBeGreaterThan(8);
  expect(complaints).toEqual([]);
});

test('a block’s gain is swept to frames: at 0 it is what Layers shows of the silenced block, at 1 the image', async () => {
  app = await openApp({ at: ONE, backend: 'wasm' });
  const { page, host, complaints } = app;
  const block = 'enc.16x16_block0';
  await sweep(page, 'A block’s gain', '0', '2', block);
  await expect(page).toHaveURL(new RegExp(`scaled=${block}(:|%3A)0(:|%3A)2`));
  const made = await frames(page);
  const [plain] = commandLineImages(MODEL, [3], '--class', '3');
  expect(furthest(made[2]!, plain!)).toBeLessThanOrEqual(1);
  expect(furthest(made[0]!, plain!)).toBeGreaterThan(30);
  expect(furthest(made[4]!, plain!)).toBeGreaterThan(30);

  await page.goto(`${host.url}#/layers?model=${MODEL}&seed=3&class=3&layer=${block}&gain=${block}:0&guide=0`);
  const silenced = page.getByRole('img', { name: /Clothes, one step.*seed 3, block gain applied/ });
  await expect(silenced).toBeVisible({ timeout: 60_000 });
  expect(maxDifference(await pixels(silenced), made[0]!)).toBeLessThanOrEqual(1);

  // And back, as a path of the same image: its first frame is what was just seen.
  await page.getByRole('button', { name: 'As a path' }).click();
  await expect(page.getByText('48 of 48 made')).toBeVisible({ timeout: 60_000 });
  await expect(page).toHaveURL(new RegExp(`scaled=${block}(:|%3A)0(:|%3A)1`));
  const first = await pixels(images(page, /frame 1 of 48, seed 3/));
  expect(maxDifference(first, made[0]!)).toBeLessThanOrEqual(1);
  expect(complaints).toEqual([]);
});

test('a browser without H.264 writes a WebM, and says so; it plays', async () => {
  app = await openApp({
    at: `#/generate?model=${MODEL}&count=1&pins=3@class=3;9@class=8&leg=4&fps=12&loop=1`,
    backend: 'wasm',
    prepare: (page) =>
      inWorker(
        page,
        `const supported = VideoEncoder.isConfigSupported;
         VideoEncoder.isConfigSupported = async (config) =>
           /^avc/.test(config.codec) ? { supported: false, config } : supported.call(VideoEncoder, config);`,
        /\/assets\/export-worker-.*\.js$/,
      ),
  });
  const { page, complaints } = app;
  await expect(page.getByText('8 of 8 made')).toBeVisible({ timeout: 30_000 });
  const first = await pixels(images(page, /frame 1 of 8, seed 3/));
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  await page.getByRole('menuitem', { name: /Path, video/ }).click();
  const dialog = page.getByRole('dialog', { name: 'Path as video' });
  await expect(dialog.getByText(/WebM with VP9: this browser does not encode H\.264/)).toBeVisible();
  const waiting = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Export WebM' }).click();
  const download = await waiting;
  expect(download.suggestedFilename()).toMatch(/\.webm$/);
  const bytes = await bytesOf(download);
  expect([...bytes.subarray(0, 4)]).toEqual([0x1a, 0x45, 0xdf, 0xa3]); // EBML's mark
  const input = new Input({ formats: ALL_FORMATS, source: new BufferSource(bytes) });
  const track = (await input.getPrimaryVideoTrack())!;
  expect([track.codec, track.displayWidth, track.displayHeight]).toEqual(['vp9', 512, 512]);
  const { packetCount, averagePacketRate } = await track.computePacketStats();
  expect(packetCount).toBe(8);
  expect(averagePacketRate).toBeCloseTo(12, 0);
  const played = await firstPicture(page, bytes, SIDE);
  const off = first.reduce((sum, v, i) => sum + Math.abs(v - played[i]!), 0) / first.length;
  expect(off).toBeLessThan(8);
  expect(complaints).toEqual([]);
});

test('through the clipboard: the image to the pixel, and code that makes it again', async () => {
  app = await openApp({
    at: ONE,
    backend: 'wasm',
    context: { permissions: ['clipboard-read', 'clipboard-write'] },
  });
  const { page, complaints } = app;
  await settled(page);
  const shown = await pixels(images(page, /seed 3,/).first());
  await page.keyboard.press('Control+Shift+C');
  await expect(page.getByText('The image was copied')).toBeVisible();
  const copied = await page.evaluate(async () => {
    const [item] = await navigator.clipboard.read();
    const picture = await createImageBitmap(await item!.getType('image/png'));
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext('2d')!;
    context.drawImage(picture, 0, 0);
    return [...context.getImageData(0, 0, picture.width, picture.height).data];
  });
  expect(copied).toEqual(shown);

  await page.keyboard.press('Shift+C');
  const dialog = page.getByRole('dialog', { name: 'Code for this' });
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  for (const name of ['PyTorch', 'Command line']) {
    await dialog.getByRole('button', { name: `Copy ${name}` }).click();
    await expect(page.getByText(`${name} copied`)).toBeVisible();
    expect(await clipboard()).toBe(await dialog.getByRole('region', { name }).locator('pre').textContent());
  }
  // What was copied, as a shell takes it.
  const folder = mkdtempSync(join(tmpdir(), 'innate-copied-'));
  const bin = join(import.meta.dirname, '../build/cli/innate.mjs');
  const line = `npx() { shift; "${process.execPath}" "${bin}" "$@"; }\n${await clipboard()}`;
  const run = spawnSync('bash', ['-c', line], { cwd: folder, encoding: 'utf8' });
  expect(run.status, run.stderr).toBe(0);
  const png = decodePng(readFileSync(join(folder, 'seed-3.png')), 'seed-3.png');
  expect(maxDifference(shown, [...png.data])).toBeLessThanOrEqual(1);
  expect(complaints).toEqual([]);
});
