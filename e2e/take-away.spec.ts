import { expect, type Page, test } from '@playwright/test';
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny';
import { GifReader } from 'omggif';
import { decodePng } from '../src/data/image/png';
import { readPngText } from '../src/formats/png';
import { readEntry } from '../src/formats/zip';
import { commandLineImages, images, maxDifference, openApp, pixels, settled } from './app';
import { violations } from './axe';
import { bytesOf, entriesOf, exported, exportedPath, firstPicture } from './take-away';

/** What leaves the page, and the path between pinned images, on WebAssembly with the smallest network. */

const MODEL = 'fashion-mnist-32x32-gdd-i';
const SIDE = 32;
const PATH = `#/generate?model=${MODEL}&seed=0&count=4&pins=3@class=3;9@class=8&leg=4&fps=12&loop=1`;

const pngIn = (entry: Parameters<typeof readEntry>[0]) => readEntry(entry, 1e7);

const allMade = (page: Page) => expect(page.getByText('8 of 8 made')).toBeVisible({ timeout: 30_000 });

test('a path from a link is made, played by keys alone, and comes out as GIF, video and frames', async () => {
  test.setTimeout(120_000);
  const app = await openApp({ at: PATH, backend: 'wasm' });
  const { page } = app;
  try {
    await allMade(page);
    // At a pin the frame is the pin's image.
    const [three, nine] = [
      commandLineImages(MODEL, [3], '--class', '3')[0]!,
      commandLineImages(MODEL, [9], '--class', '8')[0]!,
    ];
    expect(maxDifference(await pixels(images(page, /frame 1 of 8, seed 3/)), three)).toBeLessThanOrEqual(1);
    expect(await violations(page)).toEqual([]);

    // Played and scrubbed from the keyboard.
    await page.getByRole('slider', { name: 'Frame' }).focus();
    await page.keyboard.press('ArrowRight');
    const frame = page.getByRole('textbox', { name: 'Frame value' });
    await expect(frame).toHaveValue('2');
    await page.keyboard.press('Space');
    await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
    await expect(frame).not.toHaveValue('2');
    await page.keyboard.press('k');
    await expect(page.getByRole('button', { name: 'Play', exact: true })).toBeVisible();

    // Frames in a zip: the pixels of the network, and links that lead back.
    const frames = await entriesOf(await exportedPath(page, /frames in a zip/));
    expect(frames.map(({ name }) => name)).toEqual(Array.from({ length: 8 }, (_, i) => `frame-${i + 1}.png`));
    const decoded = frames.map((entry) => decodePng(pngIn(entry), entry.name));
    const grey = (i: number) => [...decoded[i]!.data];
    expect(Math.max(...grey(0).map((v, i) => Math.abs(v - three[i]!)))).toBeLessThanOrEqual(1);
    expect(Math.max(...grey(4).map((v, i) => Math.abs(v - nine[i]!)))).toBeLessThanOrEqual(1);
    expect(grey(2)).not.toEqual(grey(0));
    const link = readPngText(pngIn(frames[4]!)).get('link')!;
    expect(link).toContain('frame=4');

    // The GIF has the same frames: few enough colours to be exact.
    const gif = new GifReader((await bytesOf(await exportedPath(page, /Path, GIF/))) as Buffer);
    const scale = gif.width / SIDE;
    expect([gif.numFrames(), gif.loopCount(), Number.isInteger(scale)]).toEqual([8, 0, true]);
    for (const frame of [0, 3, 7]) {
      const shown = new Uint8ClampedArray(4 * gif.width * gif.height);
      gif.decodeAndBlitFrameRGBA(frame, shown);
      const small = grey(frame).map((_, i) => {
        const [x, y] = [(i % SIDE) * scale, Math.floor(i / SIDE) * scale];
        return shown[4 * (y * gif.width + x)]!;
      });
      expect(small).toEqual(grey(frame));
    }

    const video = await exportedPath(page, /Path, video/);
    const input = new Input({ formats: ALL_FORMATS, source: new BufferSource(await bytesOf(video)) });
    const track = (await input.getPrimaryVideoTrack())!;
    expect(['avc', 'vp9', 'vp8', 'av1']).toContain(track.codec);
    expect([track.displayWidth, track.displayHeight]).toEqual([gif.width, gif.height]);
    const stats = await track.computePacketStats();
    expect(stats.packetCount).toBe(8);
    expect(stats.averagePacketRate).toBeCloseTo(12, 0);
    const played = await firstPicture(page, await bytesOf(video), SIDE);
    const off = grey(0).reduce((sum, v, i) => sum + Math.abs(v - played[4 * i]!), 0) / grey(0).length;
    expect(off).toBeLessThan(8);

    // The link in a frame shows that frame.
    await page.evaluate((hash) => {
      location.hash = hash;
    }, link);
    await expect(page.getByRole('textbox', { name: 'Frame value' })).toHaveValue('5');
    await page.getByRole('button', { name: 'Close path' }).click();
    await expect(images(page, /seed 0,/)).toBeVisible();
    expect(app.complaints).toEqual([]);
  } finally {
    await app.close();
  }
});

test('a saved PNG restores its view; the grid and the array are what is seen', async () => {
  const at = `#/generate?model=${MODEL}&seed=12&class=8&mix=5:0.4&sigma=40&temperature=0.9&count=4`;
  const app = await openApp({ at, backend: 'wasm' });
  const { page } = app;
  try {
    await settled(page);
    const before = await pixels(images(page, /seed 13,/).first());
    await page.getByRole('button', { name: 'Select image 2' }).click();
    const saved = await exported(page, /Selected image, PNG/);
    const png = await bytesOf(saved);
    const rgb = decodePng(png, 'saved.png');
    expect([...rgb.data]).toEqual(before.filter((_, i) => i % 4 === 0));

    const array = await entriesOf(await exported(page, /Arrays, npz/));
    expect(array.map(({ name }) => name)).toEqual(['arr_0.npy', 'seeds.npy', 'arr_1.npy']);
    const values = readEntry(array[0]!, 1e7).slice(-4 * SIDE * SIDE);
    expect([...values.subarray(SIDE * SIDE, 2 * SIDE * SIDE)]).toEqual([...rgb.data]);

    const grid = decodePng(await bytesOf(await exported(page, /Grid, PNG/)), 'grid.png');
    expect([grid.width, grid.height]).toEqual([2 * 128 + 4, 2 * 128 + 4]);

    await page.evaluate((model) => {
      location.hash = `#/generate?model=${model}&seed=700&count=4`;
    }, MODEL);
    await expect(images(page, /seed 700,/)).toBeVisible();
    await page.getByLabel('Open checkpoint').setInputFiles(
      await saved.path().then((path) => ({
        name: 'picture.png',
        mimeType: 'image/png',
        buffer: Buffer.from(png),
        path,
      })),
    );
    await expect(page.getByText('Restored what the picture says of itself')).toBeVisible();
    const restored = images(page, /seed 13,/).first();
    await expect(restored).toBeVisible();
    await expect(page).toHaveURL(/seed=13&class=8&mix=5:0\.4&.*sigma=40&temperature=0\.9/);
    await settled(page);
    expect(await pixels(restored)).toEqual(before);
  } finally {
    await app.close();
  }
});

test('many images outlive a closed tab, and resume to one whole archive; what is cancelled elsewhere leaves nothing', async () => {
  test.setTimeout(120_000);
  const app = await openApp({ at: `#/generate?model=${MODEL}&seed=5&count=1`, backend: 'wasm' });
  const { context, host } = app;
  let { page } = app;
  const dialog = () => page.getByRole('dialog', { name: 'Many images' });
  const ask = async () => {
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByRole('menuitem', { name: /Many images/ }).click();
    await dialog().getByLabel('First seed').waitFor();
  };
  try {
    await settled(page);
    await ask();
    await dialog().getByLabel('Images').fill('60');
    await dialog().getByLabel('Images').press('Tab');
    await dialog().getByRole('button', { name: 'Make 60 images' }).click();
    await expect(page.getByText(/^(\d|[1-4]\d) of 60 images/)).toBeVisible();
    await page.close();

    page = await context.newPage();
    await page.goto(`${host.url}#/generate?model=${MODEL}&seed=5&count=1`);
    await settled(page);
    await ask();
    await expect(dialog().getByText(/Broken off: \d+ images?/)).toBeVisible();
    expect(await violations(page)).toEqual([]);
    const download = page.waitForEvent('download');
    await dialog().getByRole('button', { name: 'Resume' }).click();
    const entries = await entriesOf(await download);
    expect(entries.map(({ name }) => name)).toEqual([
      ...Array.from({ length: 60 }, (_, i) => `${String(5 + i).padStart(6, '0')}.png`),
      'dataset.json',
    ]);
    const { labels } = JSON.parse(new TextDecoder().decode(readEntry(entries[60]!, 1e6)));
    const made = commandLineImages(MODEL, [5, 64]);
    for (const [at, expected] of [
      [0, made[0]!],
      [59, made[1]!],
    ] as const) {
      const { data } = decodePng(readEntry(entries[at]!, 1e6), 'image.png');
      expect(Math.max(...[...data].map((v, i) => Math.abs(v - expected[i]!)))).toBeLessThanOrEqual(1);
      expect(labels[at]).toEqual([entries[at]!.name, expect.any(Number)]);
    }
    await ask();
    await expect(dialog().getByText(/Whole: 60 images/)).toBeVisible();
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await expect(dialog().getByText(/Whole/)).toBeHidden();
    await dialog().getByRole('button', { name: 'Close' }).click();

    // A path of many frames, cancelled: no file, no line, and the next export works.
    let files = 0;
    page.on('download', () => files++);
    await page.evaluate(() => {
      location.hash = location.hash.replace(/&count.*/, '&pins=3;9&leg=240&loop=0');
    });
    await expect(page.getByText(/of 241 made/)).toBeVisible({ timeout: 20_000 });
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByRole('menuitem', { name: /Path, GIF/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Export' }).click();
    await expect(page.getByText('Exporting GIF of the path', { exact: true })).toBeVisible();
    await expect(page.getByText(/\d+ of 241 images/)).toBeVisible();
    await page.getByRole('button', { name: 'Cancel exporting GIF of the path' }).click();
    await expect(page.getByRole('region', { name: 'Under way' })).toBeHidden();
    await exported(page, /Frame, PNG/);
    expect(files).toBe(1);
  } finally {
    await app.close();
  }
});

test('on a phone the play bar takes the place of Seed and Class, and nothing goes sideways', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = { viewport: { width: 390, height: 844 }, colorScheme, hasTouch: true };
    const app = await openApp({ at: PATH, backend: 'wasm', context });
    const { page } = app;
    try {
      await allMade(page);
      await expect(page.getByRole('button', { name: 'Play', exact: true })).toBeInViewport();
      await expect(page.getByRole('slider', { name: 'Seed' })).toBeHidden();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
      expect(await violations(page)).toEqual([]);
      await page.getByRole('button', { name: 'Export', exact: true }).tap();
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Close path' }).tap();
      await expect(page.getByRole('slider', { name: 'Seed' })).toBeVisible();
    } finally {
      await app.close();
    }
  }
});

test('the code of an image is in reach of the keyboard, and both lines can be copied', async () => {
  const app = await openApp({ at: `#/generate?model=${MODEL}&seed=7&class=3&count=1`, backend: 'wasm' });
  const { page } = app;
  try {
    await settled(page);
    await page.keyboard.press('Shift+C');
    const dialog = page.getByRole('dialog', { name: 'Code for this' });
    await expect(dialog.getByRole('region', { name: 'Command line' })).toContainText(
      `npx innate generate ${MODEL}`,
    );
    await expect(dialog.getByRole('region', { name: 'PyTorch' })).toContainText('z = noise(7)');
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
  } finally {
    await app.close();
  }
});
